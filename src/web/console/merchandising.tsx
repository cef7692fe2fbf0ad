// Synonyms and rules.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {json} from '../shared/api';
import {Card, Empty, Said, Table, View, Waiting, mayChange, useDo, useLoad} from './parts';

export interface Synonym {
  id: string;
  kind: string;
  from?: string;
  words: string[];
}
const KINDS: Record<string, string> = {'same': 'all mean the same', 'one-way': 'also finds', 'correction': 'is a misspelling of'};
export const idOf = (text: string): string => text.toLowerCase().normalize('NFKD').replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '').slice(0, 60) || `s-${Date.now().toString(36)}`;
const split = (text: string): string[] => text.split(',').map((one) => one.trim()).filter(Boolean);

export function SynonymForm({from = '', done}: {from?: string; done: () => void}): VNode {
  const [kind, setKind] = useState(from ? 'one-way' : 'same');
  const [word, setWord] = useState(from);
  const [list, setList] = useState('');
  const work = useDo();
  const wants = kind !== 'same';
  return (
    <form class="row-form" onSubmit={(event) => {
      event.preventDefault();
      work.run(async () => {
        const all = split(list);
        await json('PUT', `/api/v1/synonyms/${encodeURIComponent(idOf(wants ? word : all.join(' ')))}`, {kind, words: all, ...(wants ? {from: word.trim()} : {})});
        setList('');
        done();
        return 'Kept; it holds from the next search on.';
      });
    }}>
      {wants ? <label>Words typed <input required value={word} onInput={(event) => setWord(event.currentTarget.value)} /></label> : null}
      <label>Kind <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>{Object.entries(KINDS).map(([name, text]) => <option value={name}>{text}</option>)}</select></label>
      <label class="grow">{wants ? 'these words' : 'Words'} <input required value={list} placeholder={wants ? 'television' : 'sofa, couch'} onInput={(event) => setList(event.currentTarget.value)} /></label>
      <button type="submit" class="solid" disabled={work.busy}>Add</button>
      <Said what={work} />
    </form>
  );
}

export function Synonyms(): VNode {
  const all = useLoad(() => json<{synonyms: Synonym[]}>('GET', '/api/v1/synonyms'), []);
  const work = useDo();
  return (
    <View title="Synonyms" lead="Other words for the same things. They hold at once, without building an index.">
      {mayChange() ? <Card title="One more" wide><SynonymForm done={all.again} /></Card> : null}
      <Card title="All" wide>
        <Waiting of={all}>{({synonyms}) => synonyms.length === 0 ? <Empty>None yet. The queries without results, under Analytics, are a good place to begin.</Empty> : (
          <Table label="Synonyms" head={['Words', 'Kind', 'Words', '']} rows={synonyms.map((one) => [
            one.from ?? '', KINDS[one.kind] ?? one.kind, one.words.join(', '),
            mayChange() ? <button type="button" class="plain" aria-label={`Remove ${one.from ?? one.words.join(', ')}`} onClick={() => work.run(async () => {
              await json('DELETE', `/api/v1/synonyms/${encodeURIComponent(one.id)}`);
              all.again();
            })}>Remove</button> : '',
          ])} />
        )}</Waiting>
        <Said what={work} />
      </Card>
    </View>
  );
}

interface Rule {
  id: string;
  enabled?: boolean;
  when?: {query?: string; match?: string; context?: string; filter?: string}[];
  then?: {pin?: {item: string; position: number}[]; hide?: string[]; lift?: string; filter?: string; query?: string; redirect?: string};
}

const condition = (rule: Rule): string => (rule.when ?? []).map((one) => [one.query === undefined ? '' : `query ${one.match ?? 'is'} “${one.query}”`, one.context ? `context ${one.context}` : '', one.filter ? `filter ${one.filter}` : ''].filter(Boolean).join(' and ')).join(' or ') || 'every search';
const effect = ({then = {}}: Rule): string => [
  ...(then.pin ?? []).map((one) => `${one.item} at place ${one.position + 1}`), then.hide?.length ? `without ${then.hide.join(', ')}` : '', then.lift ? `first what is ${then.lift}` : '',
  then.filter ? `only ${then.filter}` : '', then.query ? `search “${then.query}” instead` : '', then.redirect ? `go to ${then.redirect}` : '',
].filter(Boolean).join('; ') || 'as its JSON says';

const EXAMPLE: Rule = {id: 'my-rule', when: [{query: 'kettle', match: 'contains'}], then: {lift: 'available:true'}};

export function Rules(): VNode {
  const all = useLoad(() => json<{rules: Rule[]}>('GET', '/api/v1/rules'), []);
  const [text, setText] = useState(JSON.stringify(EXAMPLE, undefined, 2));
  const work = useDo();
  const put = async (rule: Rule): Promise<void> => {
    const {id, ...rest} = rule;
    if (!id) throw new Error('id: expected a name for the rule');
    await json('PUT', `/api/v1/rules/${encodeURIComponent(id)}`, rest);
    all.again();
  };
  return (
    <View title="Rules" lead="What the shop wants of certain searches: products at a place, before all others, or not at all. Pinned products respect the shopper's filters.">
      <Card title="All" wide>
        <Waiting of={all}>{({rules}) => rules.length === 0 ? <Empty>None yet.</Empty> : (
          <Table label="Rules" head={['Rule', 'When', 'Then', '', '']} rows={rules.map((one) => [
            <b>{one.id}</b>, condition(one), effect(one),
            mayChange() ? <button type="button" class="line" aria-label={`${one.enabled === false ? 'Switch on' : 'Switch off'} ${one.id}`} onClick={() => work.run(async () => {
              await put({...one, enabled: one.enabled === false});
              return `${one.id} is ${one.enabled === false ? 'on' : 'off'}.`;
            })}>{one.enabled === false ? 'Switch on' : 'Switch off'}</button> : one.enabled === false ? 'off' : 'on',
            mayChange() ? <><button type="button" class="plain" aria-label={`Edit ${one.id}`} onClick={() => setText(JSON.stringify(one, undefined, 2))}>Edit</button> <button type="button" class="plain" aria-label={`Remove ${one.id}`} onClick={() => work.run(async () => {
              await json('DELETE', `/api/v1/rules/${encodeURIComponent(one.id)}`);
              all.again();
            })}>Remove</button></> : '',
          ])} />
        )}</Waiting>
      </Card>
      {mayChange() ? (
        <Card title="Add or change one" note="query, context or filter under “when”; pin, lift, hide, filter, query, redirect under “then”" wide>
          <textarea class="code" rows={9} spellcheck={false} aria-label="A rule as JSON" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          <div class="buttons"><button type="button" class="solid" disabled={work.busy} onClick={() => work.run(async () => {
            const rule = JSON.parse(text) as Rule;
            await put(rule);
            return `${rule.id} holds from the next search on.`;
          })}>Keep it</button></div>
          <Said what={work} />
        </Card>
      ) : <Said what={work} />}
    </View>
  );
}
