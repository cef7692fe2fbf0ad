// Recommendations as one shopper sees them, or around one item, with every part of every score; and the shopper's profile.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {ApiError, type Page, getItem, json, recommend} from '../shared/api';
import {price} from '../shared/text';
import {Card, Drawn, Empty, Table, View, Waiting, useLoad, when} from './parts';
import {Parts} from './playground';

const SURFACES = ['for-you', 'next', 'related', 'bought-together', 'trending', 'recently-viewed', 'buy-again'];
interface Profile {
  id: string;
  actions: {type: string; item: string; time_ms: number}[];
  linked?: string[];
  dismissed?: string[];
}

export function Inspector({user: begin}: {user: string}): VNode {
  const [user, setUser] = useState(begin || 'u000007');
  const [surface, setSurface] = useState('for-you');
  const [item, setItem] = useState('');
  const anchored = surface === 'related' || surface === 'bought-together';
  const page = useLoad<Page>(() => anchored && !item ? Promise.reject(new Error('These surfaces need an item: fill in its id.'))
    : recommend({surface, user, session: '', k: 12, ...(item ? {items: [item]} : {})}, false), [user, surface, item]);
  const profile = useLoad<Profile | null>(() => user ? json<Profile>('GET', `/api/v1/users/${encodeURIComponent(user)}`).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }) : Promise.resolve(null), [user]);
  const anchor = useLoad(() => item ? getItem(item) : Promise.resolve(null), [item]);
  return (
    <View title="Recommendations" lead="What a shopper would be shown now, and why. Looking changes nothing: these pages are not recorded.">
      <form class="row-form" onSubmit={(event) => event.preventDefault()}>
        <label>Shopper <input value={user} placeholder="nobody" onChange={(event) => setUser(event.currentTarget.value.trim())} /></label>
        <label>Surface <select value={surface} onChange={(event) => setSurface(event.currentTarget.value)}>{SURFACES.map((one) => <option>{one}</option>)}</select></label>
        <label>Item <input value={item} placeholder="none" onChange={(event) => setItem(event.currentTarget.value.trim())} /></label>
      </form>
      <div class="boxes">
        <Card title={`${surface}${user ? ` for ${user}` : ''}`} note={page.data ? `from state ${page.data.state_offset ?? '–'}; knows ${page.data.context_steps ?? 0} steps` : ''}>
          <Waiting of={page}>{({items}) => items.length === 0 ? <Empty>Nothing to show here yet.</Empty> : (
            <ol class="ranks">
              {items.map((one, place) => (
                <li key={one.item}>
                  <details>
                    <summary><span class="place">{place + 1}</span><Drawn id={one.item} title={one.title ?? one.item} />
                      <span class="what">{one.title ?? one.item}<small>{one.reason || 'several things together'}{one.source ? `, ${one.source}` : ''}</small></span><b>{(100 * one.score).toFixed(1)} %</b></summary>
                    <Parts parts={one.explain ?? []} />
                    <p class="fine"><code>{one.item}</code> {price(one.price)} <button type="button" class="plain" onClick={() => {
                      setItem(one.item);
                      setSurface('related');
                    }}>What is related to it?</button></p>
                  </details>
                </li>
              ))}
            </ol>
          )}</Waiting>
        </Card>
        <div class="column">
          {item ? <Card title="The item"><Waiting of={anchor}>{(known) => known ? <div class="item-card"><Drawn id={known.id} title={known.title ?? known.id} /><div><b>{known.title}</b><p>{price(known.price)}</p><p class="fine">{known.facets.join(', ')}</p></div></div> : null}</Waiting></Card> : null}
          <Card title="The shopper" note="newest first">
            <Waiting of={profile}>{(known) => !known ? <Empty>Nobody of this name has done anything yet.</Empty> : (
              <Table label="What the shopper did" head={['Did', 'Item', 'When']} rows={known.actions.slice(-40).reverse().map((one) => [one.type, <button type="button" class="plain" onClick={() => {
                setItem(one.item);
                setSurface('related');
              }}>{one.item}</button>, when(one.time_ms)])} />
            )}</Waiting>
          </Card>
        </div>
      </div>
    </View>
  );
}
