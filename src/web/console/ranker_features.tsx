// What each feature of the learned ranker is worth, and what goes on around the shop that it takes notice of.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {json} from '../shared/api';
import {count} from '../shared/text';
import {Card, Empty, Said, Table, mayChange, useDo, useLoad, when} from './parts';

type State = 'made' | 'retired' | 'kept' | 'dropped';
interface Feature {
  name: string;
  group: string;
  state: State;
  ablation: number;
  deviation: number;
  gain: number;
  looked: number;
}
interface Features {
  examples: number;
  whole: number;
  retire: boolean;
  features: Feature[];
  changes: {name: string; retired: boolean; time_ms: number; worth: number; least: number}[];
}
interface Contexts {
  busy: boolean;
  scenario?: string;
  contexts: {name: string; value: string; region?: string; from_ms: number; until_ms: number; active: boolean}[];
}
interface Settings {
  ranker?: {keep?: string[]; drop?: string[]};
}

const SHOWN = 12;
const STATES: Record<State, string> = {made: 'used', retired: 'left out by itself', kept: 'always used', dropped: 'left out'};

// One of the two lists of the settings names it, or none: then it is judged by what it brings.
async function put(name: string, list: 'keep' | 'drop' | undefined): Promise<void> {
  const {settings} = await json<{settings: Settings}>('GET', '/api/v1/settings');
  const without = (of: string[] | undefined): string[] => (of ?? []).filter((one) => one !== name);
  const ranker = {...settings.ranker, keep: without(settings.ranker?.keep), drop: without(settings.ranker?.drop)};
  if (list) ranker[list].push(name);
  await json('PUT', `/api/v1/settings?note=${encodeURIComponent(`ranker: ${list ?? 'judge'} ${name}`)}`, {...settings, ranker});
}

export function RankerFeatures(): VNode | null {
  const loaded = useLoad(() => json<Features>('GET', '/api/v1/ranker/features'), []);
  const [all, setAll] = useState(false);
  const work = useDo();
  useEffect(() => {
    const timer = window.setInterval(() => loaded.again(), 8000);
    return () => window.clearInterval(timer);
  }, []);
  const of = loaded.data;
  if (!of) return null;
  const features = [...of.features].sort((a, b) => b.ablation - a.ablation);
  const act = (name: string, list: 'keep' | 'drop' | undefined, said: string): void => work.run(async () => {
    await put(name, list);
    loaded.again();
    return said;
  });
  const buttons = (one: Feature): VNode => (
    <span class="buttons">
      {one.state === 'kept' || one.state === 'dropped'
        ? <button type="button" class="plain" disabled={work.busy} onClick={() => act(one.name, undefined, `${one.name} is judged by what it brings.`)}>Judge</button>
        : <><button type="button" class="plain" disabled={work.busy} onClick={() => act(one.name, 'keep', `${one.name} is always used.`)}>Keep</button>
          <button type="button" class="plain" disabled={work.busy} onClick={() => act(one.name, 'drop', `${one.name} is left out.`)}>Leave out</button></>}
    </span>
  );
  return (
    <Card title="What the ranker’s features are worth" note={`measured on ${count(of.examples)} examples while they are learned; together they gain ${of.whole.toFixed(4)} nats an example over the score alone`} wide>
      <Table label="Features of the ranker" head={['Feature', 'Part', 'Lost without it, nats', 'Gain by itself, nats', 'Examples', 'State', '']} rows={features.slice(0, all ? features.length : SHOWN).map((one) => [
        <b>{one.name}</b>, one.group, `${one.ablation.toFixed(5)} ± ${one.deviation.toFixed(5)}`, one.gain.toFixed(5), count(one.looked),
        <span class={one.state === 'made' ? '' : 'tag'}>{STATES[one.state]}</span>, mayChange() ? buttons(one) : '',
      ])} />
      {features.length > SHOWN ? <button type="button" class="plain" aria-expanded={all} onClick={() => setAll(!all)}>{all ? 'The best only' : `All ${features.length}`}</button> : null}
      <Said what={work} />
      {of.changes.length === 0 ? <Empty>{of.retire ? 'None has been left out by itself yet.' : 'Features are not left out by themselves: ranker.retire is off.'}</Empty> : (
        <Table label="Features that were left out or came back" head={['When', 'Feature', 'What', 'Worth at most', 'Needed']} rows={of.changes.slice(-8).reverse().map((one) => [when(one.time_ms), one.name, one.retired ? 'left out' : 'gets another chance', one.worth.toFixed(6), one.least.toFixed(6)])} />
      )}
    </Card>
  );
}

export function AroundTheShop(): VNode | null {
  const {data} = useLoad(() => json<Contexts>('GET', '/api/v1/contexts'), []);
  if (!data) return null;
  return (
    <Card title="What goes on around the shop" note={data.scenario ? `now: ${data.scenario}` : data.busy ? 'now: much more than usual' : 'nothing special now'}>
      {data.contexts.length === 0 ? <Empty>No context event (weather, holiday, promotion) has come; <code>context</code> events bring them.</Empty> : (
        <Table label="Contexts" head={['What', 'Where', 'From', 'Until', '']} rows={data.contexts.slice(0, 40).map((one) => [`${one.name}: ${one.value}`, one.region ?? 'everywhere', when(one.from_ms), when(one.until_ms), one.active ? <span class="tag">now</span> : ''])} />
      )}
    </Card>
  );
}
