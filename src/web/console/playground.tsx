// One query under two versions of the settings, side by side, and what each place is made of.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {type Part, json} from '../shared/api';
import {ms, price} from '../shared/text';
import {Drawn, Empty, View, Waiting, useLoad} from './parts';
import type {Versions} from './settings';

interface Found {
  found: number;
  took_us: number;
  items: {item: string; title?: string; price?: number; score: number; explain?: Part[]}[];
  steps?: {step: string; us: number}[];
  rules?: string[];
  did_you_mean?: string;
  settings_version: number;
}

function Column({name, query, user, version, other}: {name: string; query: string; user: string; version: number; other: Found | undefined}): VNode {
  const asked = useLoad(() => searchWith(query, user, version), [query, user, version]);
  return (
    <section class="box" aria-label={name}>
      <Waiting of={asked}>{(page) => (
        <>
          <header><h2>Version {page.settings_version}</h2><p>{page.found.toLocaleString('en')} found, {ms(page.took_us / 1000)}{page.rules?.length ? `, rules: ${page.rules.join(', ')}` : ''}{page.did_you_mean ? `, meant “${page.did_you_mean}”?` : ''}</p></header>
          {page.items.length === 0 ? <Empty>Nothing is found.</Empty> : null}
          <ol class="ranks">
            {page.items.map((one, place) => {
              const was = other?.items.findIndex((each) => each.item === one.item) ?? place;
              return (
                <li key={one.item}>
                  <details>
                    <summary>
                      <span class="place">{place + 1}</span><Drawn id={one.item} title={one.title ?? one.item} />
                      <span class="what">{one.title ?? one.item}<small>{one.item} {price(one.price)}</small></span>
                      {other && was !== place ? <em>{was < 0 ? 'only here' : was > place ? `${was - place} higher` : `${place - was} lower`}</em> : null}
                      <b>{one.score.toFixed(2)}</b>
                    </summary>
                    <Parts parts={one.explain ?? []} />
                  </details>
                </li>
              );
            })}
          </ol>
          {page.steps ? <p class="fine">{page.steps.map((one) => `${one.step} ${one.us} µs`).join(' · ')}</p> : null}
        </>
      )}</Waiting>
    </section>
  );
}

export function Parts({parts}: {parts: Part[]}): VNode {
  const largest = Math.max(...parts.map((one) => Math.abs(one.value)), 1e-9);
  if (!parts.length) return <Empty>No score is involved: the order is the settings’.</Empty>;
  return (
    <ul class="parts">
      {parts.map((one) => (
        <li><span>{one.part}<small>{one.detail ?? ''}</small></span><span class={one.value < 0 ? 'bar minus' : 'bar'}><i style={`width:${(100 * Math.abs(one.value)) / largest}%`} /></span><b>{one.value.toFixed(3)}</b></li>
      ))}
    </ul>
  );
}

const searchWith = (query: string, user: string, version: number): Promise<Found> => json<Found>('POST', '/api/v1/search',
  {query, count: 12, explain: true, record: false, ...(user ? {user} : {}), ...(version ? {settings_version: version} : {})});

export function Playground(): VNode {
  const [query, setQuery] = useState('running shoe');
  const [user, setUser] = useState('');
  const [left, setLeft] = useState(0);
  const [right, setRight] = useState(0);
  const versions = useLoad(() => json<Versions>('GET', '/api/v1/settings/versions'), []);
  const other = useLoad(() => searchWith(query, user, left), [query, user, left]);
  const choose = (name: string, value: number, set: (version: number) => void): VNode => (
    <label>{name} <select value={value} onChange={(event) => set(Number(event.currentTarget.value))}>
      <option value={0}>published</option>
      {(versions.data?.versions ?? []).map((one) => <option value={one.version}>version {one.version}{one.version === versions.data?.published ? ', published' : one.published_ms ? '' : ', staged'}</option>)}
    </select></label>
  );
  return (
    <View title="Playground" lead="A query under two versions of the settings. Nothing here is recorded or learned from. Open a place to see its score.">
      <form class="row-form" onSubmit={(event) => event.preventDefault()}>
        <label class="grow">Query <input type="search" value={query} onInput={(event) => setQuery(event.currentTarget.value)} /></label>
        <label>as shopper <input value={user} placeholder="nobody" onChange={(event) => setUser(event.currentTarget.value.trim())} /></label>
        {choose('Left', left, setLeft)}{choose('Right', right, setRight)}
      </form>
      <div class="boxes">
        <Column name="Left" query={query} user={user} version={left} other={undefined} />
        <Column name="Right" query={query} user={user} version={right} other={other.data} />
      </div>
    </View>
  );
}
