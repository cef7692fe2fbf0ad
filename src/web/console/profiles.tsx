// A shopper as the program knows them: what they did, who they are linked with, what they would see now; and erasing
// them, for good.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {ApiError, type LiveEvent, type Status, json, recommend} from '../shared/api';
import {count, price} from '../shared/text';
import {Card, Drawn, Empty, Said, Table, View, Waiting, mayChange, useDo, useLoad, when} from './parts';

export interface Profile {
  id: string;
  last_ms?: number;
  actions: {type: string; item: string; time_ms: number; in_session: boolean}[];
  linked: string[];
  dismissed: string[];
  attributes: Record<string, unknown>;
  counts: Record<string, {hour: number; day: number; month: number; last_day: number}>;
}

export const profileOf = (id: string): Promise<Profile | null> => json<Profile>('GET', `/api/v1/users/${encodeURIComponent(id)}`).catch((error: unknown) => {
  if (error instanceof ApiError && error.status === 404) return null;
  throw error;
});

function Erase({id, gone}: {id: string; gone: () => void}): VNode {
  const [sure, setSure] = useState(false);
  const [typed, setTyped] = useState('');
  const [stage, setStage] = useState('');
  const work = useDo();
  return (
    <Card title="Erase this person" note="answers forget them at once; the log and everything learned follow">
      {sure ? (
        <form class="note-box" onSubmit={(event) => {
          event.preventDefault();
          work.run(async () => {
            await json('DELETE', `/api/v1/users/${encodeURIComponent(id)}`);
            setStage('The profile is gone. Their events leave the log now, and a state that never saw them takes the place of this one …');
            for (let look = 0; look < 600; ++look) {
              const status = await json<Status & {erasing: boolean}>('GET', '/api/v1/status');
              if (!status.erasing) break;
              await new Promise((resume) => setTimeout(resume, 500));
            }
            setStage('');
            gone();
            return `${id} is erased: from answers, from the log, and from what was learned.`;
          });
        }}>
          <p>This cannot be taken back. Type the id of the shopper to go on.</p>
          <div class="row-form">
            <label class="grow">Shopper <input value={typed} autocomplete="off" placeholder={id} onInput={(event) => setTyped(event.currentTarget.value)} /></label>
            <button type="submit" class="danger" disabled={work.busy || typed !== id}>Erase for good</button>
            <button type="button" class="plain" onClick={() => setSure(false)}>Leave it</button>
          </div>
        </form>
      ) : <button type="button" class="plain" onClick={() => setSure(true)}>Erase …</button>}
      {stage ? <p class="fine" role="status">{stage}</p> : null}
      <Said what={work} />
    </Card>
  );
}

const ACTS: Record<string, string> = {impression: 'was shown', view: 'viewed', cart: 'put into a cart', purchase: 'bought', search: 'searched'};

function One({id}: {id: string}): VNode {
  const profile = useLoad(() => profileOf(id), [id]);
  const page = useLoad(() => recommend({surface: 'for-you', user: id, session: '', k: 8}, false), [id, profile.data?.last_ms]);
  return (
    <Waiting of={profile}>{(known) => !known ? (
      <Card title={id} wide><Empty>Nobody of this id has done anything, or they have been erased.</Empty></Card>
    ) : (
      <>
        <div class="stats" role="group" aria-label="Counts that halve in thirty days">
          {Object.entries(ACTS).map(([name, text]) => <div class="stat"><b>{(known.counts[name]?.month ?? 0).toFixed(0)}</b><span>{text}</span></div>)}
          <div class="stat"><b>{count(known.actions.length)}</b><span>actions remembered</span></div>
        </div>
        <div class="boxes">
          <Card title="What they did" note="newest first" tall>
            {known.actions.length === 0 ? <Empty>Nothing with a product.</Empty> : (
              <Table label="What the shopper did" head={['Did', 'Product', 'When', '']} rows={known.actions.slice(-200).reverse().map((one) => [<span class={`tag t-${one.type}`}>{one.type}</span>,
                <a href={`#/catalogue/${encodeURIComponent(one.item)}`}>{one.item}</a>, when(one.time_ms), one.in_session ? <small>this visit</small> : ''])} />
            )}
          </Card>
          <div class="column">
            <Card title="Who they are">
              <dl class="facts">
                <dt>Id</dt><dd><code>{known.id}</code></dd>
                <dt>Last seen</dt><dd>{when(known.last_ms)}</dd>
                <dt>Linked with</dt><dd>{known.linked.length ? known.linked.map((one) => <a class="tag" href={`#/profiles/${encodeURIComponent(one)}`}>{one}</a>) : 'nobody'}</dd>
                <dt>Dismissed</dt><dd>{known.dismissed.length ? known.dismissed.join(', ') : 'nothing'}</dd>
                {Object.entries(known.attributes).map(([name, value]) => <><dt>{name}</dt><dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd></>)}
              </dl>
            </Card>
            <Card title="What they would see now" note={<a href={`#/recommendations/${encodeURIComponent(id)}`}>all surfaces, with every part of every score</a>}>
              <Waiting of={page}>{({items}) => items.length === 0 ? <Empty>Nothing to show yet.</Empty> : (
                <ol class="ranks">{items.map((one, place) => <li key={one.item}><div class="rank"><span class="place">{place + 1}</span><Drawn id={one.item} title={one.title ?? one.item} />
                  <span class="what">{one.title ?? one.item}<small>{one.reason || 'several things together'}</small></span><b>{price(one.price)}</b></div></li>)}</ol>
              )}</Waiting>
            </Card>
            {mayChange() ? <Erase id={id} gone={profile.again} /> : null}
          </div>
        </div>
      </>
    )}</Waiting>
  );
}

export function Profiles({user, events}: {user: string; events: LiveEvent[]}): VNode {
  const [id, setId] = useState(user);
  useEffect(() => setId(user), [user]);
  const lately = [...new Set(events.map((one) => one.user).filter((one): one is string => one !== undefined && one !== ''))].slice(0, 12);
  return (
    <View title="Profiles" lead="One shopper: what they did, who they are linked with, and what they would see.">
      <form class="row-form" onSubmit={(event) => {
        event.preventDefault();
        location.hash = `#/profiles/${encodeURIComponent(id.trim())}`;
      }}>
        <label class="grow">Shopper or session <input value={id} required placeholder="u000007" onInput={(event) => setId(event.currentTarget.value)} /></label>
        <button type="submit" class="solid">Look</button>
      </form>
      {user ? <One key={user} id={user} /> : (
        <Card title="In the shop now" note="as their events come in" wide>
          {lately.length === 0 ? <Empty>Nobody has done anything since this page was opened. Type an id above.</Empty> : <p class="tags">{lately.map((one) => <a class="tag" href={`#/profiles/${encodeURIComponent(one)}`}>{one}</a>)}</p>}
        </Card>
      )}
    </View>
  );
}
