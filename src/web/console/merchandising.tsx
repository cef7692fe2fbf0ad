// Synonyms.
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
