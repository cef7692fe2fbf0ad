// Recommendations as one shopper sees them, or around one item, with every part of every score; and the shopper's profile.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {type Page, getItem, recommend} from '../shared/api';
import {price} from '../shared/text';
import {Card, Drawn, Empty, Table, View, Waiting, useLoad, when} from './parts';
import {Parts} from './playground';
import {type Profile, profileOf} from './profiles';

const SURFACES = ['for-you', 'next', 'related', 'bought-together', 'trending', 'recently-viewed', 'buy-again'];

export function Inspector({user: begin, item: around}: {user: string; item: string}): VNode {
  const [user, setUser] = useState(begin || (around ? '' : 'u000007'));
  const [surface, setSurface] = useState(around ? 'related' : 'for-you');
  const [item, setItem] = useState(around);
  const anchored = surface === 'related' || surface === 'bought-together';
  const page = useLoad<Page>(() => anchored && !item ? Promise.reject(new Error('These surfaces need an item: fill in its id.'))
    : recommend({surface, user, session: '', k: 12, ...(item ? {items: [item]} : {})}, false), [user, surface, item]);
  const profile = useLoad<Profile | null>(() => user ? profileOf(user) : Promise.resolve(null), [user]);
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
          {item ? <Card title="The item"><Waiting of={anchor}>{(known) => known ? <div class="item-card"><Drawn id={known.id} title={known.title ?? known.id} /><div><b><a href={`#/catalogue/${encodeURIComponent(known.id)}`}>{known.title ?? known.id}</a></b><p>{price(known.price)}</p><p class="fine">{known.facets.join(', ')}</p></div></div> : null}</Waiting></Card> : null}
          <Card title="The shopper" note={user ? <a href={`#/profiles/${encodeURIComponent(user)}`}>the whole profile</a> : 'newest first'}>
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
