import {type VNode, render} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {ApiError, type LiveEvent, type Status, follow, getStatus, json, keyOf, setKey, text} from '../shared/api';
import {Audit, Connect, Keys} from './access';
import {Analytics} from './analytics';
import {Catalogue, OneItem} from './catalogue';
import {Events, Letters} from './events';
import {Experiments, OneExperiment} from './experiments';
import {Import} from './import';
import {Inspector} from './inspector';
import {Learning} from './learning';
import {Synonyms} from './merchandising';
import {Overview} from './overview';
import {knows, role, words} from './parts';
import {Playground} from './playground';
import {Profiles} from './profiles';
import {Rules} from './rules';
import {Settings} from './settings';

const KEPT = 60;
// What stands in the navigation; `admin`: the server answers it to keys of that role only; `asks`: not every server knows it.
const VIEWS: readonly {path: string; name: string; group: string; admin?: boolean; asks?: string}[] = [
  {path: 'overview', name: 'Overview', group: ''},
  {path: 'learning', name: 'Learning', group: ''},
  {path: 'catalogue', name: 'Catalogue', group: 'Products'},
  {path: 'import', name: 'Import', group: 'Products', admin: true},
  {path: 'playground', name: 'Playground', group: 'Search'},
  {path: 'relevance', name: 'Relevance', group: 'Search'},
  {path: 'synonyms', name: 'Synonyms', group: 'Search'},
  {path: 'rules', name: 'Rules', group: 'Search'},
  {path: 'analytics', name: 'Analytics', group: 'Search', admin: true},
  {path: 'experiments', name: 'Experiments', group: 'Search', asks: '/api/v1/experiments'},
  {path: 'recommendations', name: 'Recommendations', group: 'Shoppers'},
  {path: 'profiles', name: 'Profiles', group: 'Shoppers'},
  {path: 'events', name: 'Events', group: 'Shoppers', admin: true},
  {path: 'refused', name: 'Refused events', group: 'Shoppers', admin: true},
  {path: 'keys', name: 'Keys', group: 'Access', admin: true},
  {path: 'audit', name: 'Audit', group: 'Access', admin: true},
  {path: 'connect', name: 'Connect', group: 'Access'},
];

const where = (): [string, string, string] => {
  const [, view = '', what = '', more = ''] = location.hash.split('/');
  return [view || 'overview', decodeURIComponent(what), decodeURIComponent(more)];
};

type Door = 'asking' | 'open' | 'key' | {trouble: string};

async function knock(): Promise<Door> {
  try {
    await getStatus();
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return 'key';
    return {trouble: words(error)};
  }
  try {
    await json('GET', '/api/v1/admin/keys');
    role.value = 'admin';
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) return {trouble: words(error)};
    role.value = 'read';
  }
  const named = await text('/openapi.yaml');
  for (const {asks} of VIEWS) if (asks) knows.set(asks, named.includes(`  ${asks}:`));
  return 'open';
}

function Login({again}: {again: () => void}): VNode {
  const [wrong, setWrong] = useState(keyOf() !== '');
  return (
    <main id="content" class="login" tabIndex={-1}>
      <form class="box" onSubmit={(event) => {
        event.preventDefault();
        setKey(new FormData(event.currentTarget).get('key')?.toString().trim() ?? '');
        setWrong(true);
        again();
      }}>
        <h1>Freshet console</h1>
        <label>A key of this server <input name="key" type="password" autocomplete="off" required placeholder="fk_…" /></label>
        {wrong ? <p class="bad" role="alert">The server does not know this key.</p> : null}
        <button type="submit" class="solid">Go in</button>
        <p class="fine">Of role admin to change things, of role read to look. It is kept until this window is closed. The first one stands in admin.key of the data directory.</p>
      </form>
    </main>
  );
}

function Console(): VNode {
  const [door, setDoor] = useState<Door>('asking');
  const [[view, what, more], go] = useState(where);
  const [live, setLive] = useState<Status | undefined>(undefined);
  const [events, setEvents] = useState<LiveEvent[]>([]);
  const [connected, setConnected] = useState(false);
  useEffect(() => document.querySelector('.side [aria-current]')?.scrollIntoView({inline: 'center', block: 'nearest'}), [view, door]);
  const again = (): void => void knock().then(setDoor);
  useEffect(again, []);
  useEffect(() => {
    const turn = (): void => {
      go(where());
      window.scrollTo(0, 0);
      document.getElementById('content')?.focus({preventScroll: true});
    };
    window.addEventListener('hashchange', turn);
    return () => window.removeEventListener('hashchange', turn);
  }, []);
  useEffect(() => {
    if (door !== 'open' || role.value !== 'admin') return undefined;
    const stop = new AbortController();
    follow({
      event: (event) => setEvents((old) => [event, ...old].slice(0, KEPT)),
      status: setLive,
      connected: setConnected,
    }, stop.signal).catch(() => setConnected(false));
    return () => stop.abort();
  }, [door]);
  if (door === 'asking') return <main id="content" class="login" tabIndex={-1}><p class="waiting">Asking the server …</p></main>;
  if (door === 'key') return <Login again={again} />;
  if (door !== 'open') return <main id="content" class="login" tabIndex={-1}><div class="box"><h1>The server does not answer</h1><p class="bad">{door.trouble}</p><button type="button" class="solid" onClick={again}>Try again</button></div></main>;
  const admin = role.value === 'admin';
  const views = VIEWS.filter((one) => (admin || !one.admin) && (!one.asks || knows.get(one.asks)));
  const open = views.some((one) => one.path === view) ? view : 'overview';
  const page = {
    overview: <Overview live={live} />, learning: <Learning live={live} />, catalogue: what ? <OneItem key={what} id={what} /> : <Catalogue />, import: <Import />,
    playground: <Playground />, relevance: <Settings />, synonyms: <Synonyms />, rules: <Rules key={what} open={what} />, analytics: <Analytics />, experiments: what ? <OneExperiment key={what} name={what} /> : <Experiments />,
    recommendations: <Inspector key={`${what} ${more}`} user={what} item={more} />, profiles: <Profiles user={what} events={events} />, events: <Events events={events} />, refused: <Letters />,
    keys: <Keys />, audit: <Audit />, connect: <Connect />,
  }[open];
  return (
    <div class="frame">
      <nav class="side" aria-label="Views">
        <a class="brand" href="#/overview"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9" /><path d="M5 13c4 0 4-5 8-5s4 5 8 5 4-5 6-5" /><path d="M5 22c4 0 4-5 8-5s4 5 8 5 4-5 6-5" /></svg>Freshet</a>
        <ul>
          {views.map((one, i) => (
            <li key={one.path}>
              {one.group && one.group !== views[i - 1]?.group ? <span class="group">{one.group}</span> : null}
              <a href={`#/${one.path}`} aria-current={one.path === open ? 'page' : undefined}>{one.name}</a>
            </li>
          ))}
        </ul>
        <div class="side-foot">
          {admin ? <p><i class={connected ? 'dot on' : 'dot'} />{connected ? 'live' : 'not connected'}</p> : <p class="tag">read only</p>}
          {keyOf() ? <button type="button" class="plain" onClick={() => {
            setKey('');
            location.reload();
          }}>Leave</button> : null}
        </div>
      </nav>
      <main id="content" tabIndex={-1}>{page}</main>
    </div>
  );
}

const root = document.getElementById('app');
if (root) render(<Console />, root);
