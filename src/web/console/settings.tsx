// Relevance settings: edit, stage, look at what would change, publish, roll back.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {json} from '../shared/api';
import {RelevanceForm, type SearchSettings} from './relevance_form';
import {Card, Empty, Said, Table, View, Waiting, mayChange, short, useDo, useLoad, when} from './parts';

export interface Versions {
  published: number;
  versions: {version: number; staged_ms: number; published_ms?: number; by?: string; note?: string}[];
}
interface Staged {
  version: number;
  changes: {name: string; before: unknown; after: unknown}[];
  rebuilds_index: boolean;
}

const Changes = ({of}: {of: Staged}): VNode => of.changes.length === 0 ? <Empty>Nothing differs from what is published.</Empty> : (
  <>
    {of.rebuilds_index ? <p class="note-box">Searchable fields or languages change: a second index is built beside the live one, then exchanged.</p> : null}
    <Table label="What would change" head={['Setting', 'Published', 'Staged']} rows={of.changes.map((one) => [<b>{one.name}</b>, <code>{short(one.before)}</code>, <code>{short(one.after)}</code>])} />
  </>
);

export function Settings(): VNode {
  const now = useLoad(() => json<{version: number; settings: SearchSettings}>('GET', '/api/v1/settings'), []);
  const versions = useLoad(() => json<Versions>('GET', '/api/v1/settings/versions'), []);
  const [draft, setDraft] = useState<SearchSettings | undefined>(undefined);
  const [text, setText] = useState<string | undefined>(undefined);  // While it is edited as JSON.
  const [note, setNote] = useState('');
  const [staged, setStaged] = useState<Staged | undefined>(undefined);
  const work = useDo();
  useEffect(() => {
    if (!now.data) return;
    setDraft(now.data.settings);
    setText((old) => (old === undefined ? old : JSON.stringify(now.data?.settings, undefined, 2)));
  }, [now.data]);
  const reload = (): void => {
    now.again();
    versions.again();
    setStaged(undefined);
  };
  const publish = (version: number): void => work.run(async () => {
    await json('POST', '/api/v1/settings/publish', {version});
    reload();
    return `Version ${version} is published: it holds from the next search on.`;
  });
  const wanted = (): SearchSettings => {
    if (text === undefined) return draft ?? {} as SearchSettings;
    try {
      return JSON.parse(text) as SearchSettings;
    } catch (error) {
      throw new Error(`This is no JSON: ${(error as Error).message}`);
    }
  };
  const asForm = (): void => work.run(async () => {
    setDraft(wanted());
    setText(undefined);
  });
  const as = (form: boolean, name: string, to: () => void): VNode => <button type="button" role="tab" aria-selected={form === (text === undefined)} class="tab" onClick={to}>{name}</button>;
  const touched = text !== undefined ? now.data !== undefined && text !== JSON.stringify(now.data.settings, undefined, 2) : now.data !== undefined && JSON.stringify(draft) !== JSON.stringify(now.data.settings);
  return (
    <View title="Relevance" lead="What is searched, and what counts how much. A change is staged first, compared in the playground if you like, and published; every version can come back."
      tools={<div class="tabs" role="tablist" aria-label="Edit as">{as(true, 'Form', asForm)}{as(false, 'JSON', () => text === undefined && setText(JSON.stringify(draft, undefined, 2)))}</div>}>
      <div class="boxes uneven">
        <Card title={`Version ${now.data?.version ?? '…'}`} note={mayChange() ? 'change, then stage' : 'read only'}>
          <Waiting of={now}>{() => text !== undefined ? (
            <textarea class="code" rows={30} spellcheck={false} aria-label="Settings as JSON" value={text} readOnly={!mayChange()} onInput={(event) => setText(event.currentTarget.value)} />
          ) : draft ? <RelevanceForm settings={draft} change={setDraft} read={!mayChange()} /> : null}</Waiting>
        </Card>
        <div class="column sticky">
          {mayChange() ? (
            <Card title="Stage it" note={touched ? 'there are changes' : 'nothing is changed yet'}>
              <div class="row-form">
                <label class="grow">Note <input value={note} maxLength={200} placeholder="why, for whoever looks at the versions later" onInput={(event) => setNote(event.currentTarget.value)} /></label>
                <button type="button" class="solid" disabled={work.busy} onClick={() => work.run(async () => {
                  const made = await json<Staged>('POST', `/api/v1/settings/staged${note ? `?note=${encodeURIComponent(note)}` : ''}`, wanted());
                  setStaged(made);
                  setNote('');
                  versions.again();
                  return `Kept as version ${made.version}; nothing has changed yet.`;
                })}>Stage</button>
              </div>
              <Said what={work} />
            </Card>
          ) : null}
          {staged ? (
            <Card title={`Staged: version ${staged.version}`}>
              <Changes of={staged} />
              <div class="buttons">
                <button type="button" class="solid" disabled={work.busy || staged.changes.length === 0} onClick={() => publish(staged.version)}>Publish</button>
                <a class="line" href="#/playground">Compare in the playground</a>
                <button type="button" class="plain" onClick={() => work.run(async () => {
                  await json('DELETE', `/api/v1/settings/staged/${staged.version}`);
                  reload();
                  return 'Thrown away.';
                })}>Throw away</button>
              </div>
            </Card>
          ) : null}
          <Card title="Versions">
            <Waiting of={versions}>{(list) => list.versions.length === 0 ? <Empty>These are the settings the program comes with.</Empty> : (
              <Table label="Versions" head={['Version', 'By', 'When', '']} rows={list.versions.map((one) => [
                <>{one.version}{one.note ? <small>{one.note}</small> : null}</>, one.by ?? '–', when(one.published_ms ?? one.staged_ms),
                one.version === list.published ? <span class="tag">published</span>
                  : mayChange() ? <button type="button" class="line" disabled={work.busy} onClick={() => publish(one.version)}>{one.published_ms ? 'Roll back to it' : 'Publish'}</button>
                    : one.published_ms ? '' : 'staged',
              ])} />
            )}</Waiting>
          </Card>
        </div>
      </div>
    </View>
  );
}
