// Keys, who changed what, and how shops and programs connect.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {json, send} from '../shared/api';
import {ms} from '../shared/text';
import {Card, Empty, Said, Table, View, Waiting, useDo, useLoad, when} from './parts';

const ROLES: Record<string, string> = {read: 'searches, recommends, and may look at this console', write: 'and sends events and products', admin: 'and everything else'};

export function Keys(): VNode {
  const keys = useLoad(() => json<{keys: {id: string; name: string; role: string; created_ms: number}[]}>('GET', '/api/v1/admin/keys'), []);
  const [name, setName] = useState('');
  const [kind, setKind] = useState('read');
  const [made, setMade] = useState('');
  const work = useDo();
  return (
    <View title="Keys" lead="Who may do what. A key is shown once, when it is made; the server keeps only its digest.">
      <Card title="A new key" wide>
        <form class="row-form" onSubmit={(event) => {
          event.preventDefault();
          work.run(async () => {
            const answer = await json<{key: string}>('POST', '/api/v1/admin/keys', {name: name.trim(), role: kind});
            setMade(answer.key);
            setName('');
            keys.again();
            return '';
          });
        }}>
          <label class="grow">Name <input required maxLength={100} value={name} placeholder="storefront" onInput={(event) => setName(event.currentTarget.value)} /></label>
          <label>Role <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>{Object.keys(ROLES).map((one) => <option>{one}</option>)}</select></label>
          <button type="submit" class="solid" disabled={work.busy}>Make it</button>
        </form>
        <p class="fine">{kind}: {ROLES[kind]}</p>
        {made ? <p class="note-box" role="status">Copy it now, it is not shown again: <code class="key">{made}</code></p> : null}
        <Said what={work} />
      </Card>
      <Card title="All" wide>
        <Waiting of={keys}>{(all) => all.keys.length === 0 ? <Empty>None. A server without keys listens on this machine only.</Empty> : (
          <Table label="Keys" head={['Name', 'Role', 'Id', 'Made', '']} rows={all.keys.map((one) => [<b>{one.name}</b>, <span class="tag">{one.role}</span>, <code>{one.id}</code>, when(one.created_ms),
            <button type="button" class="plain" aria-label={`Revoke ${one.name}, ${one.id}`} onClick={() => work.run(async () => {
              await json('DELETE', `/api/v1/admin/keys/${one.id}`);
              keys.again();
              return `${one.name} does not work any more.`;
            })}>Revoke</button>])} />
        )}</Waiting>
      </Card>
    </View>
  );
}

interface Change {
  offset: number;
  time_ms: number;
  by?: string;
  action: string;
  what?: string;
}
// The event's own words, as people say them.
const ACTIONS: Record<string, string> = {
  'stage': 'staged settings', 'publish': 'published settings', 'discard': 'threw staged settings away', 'synonym-put': 'put a synonym', 'synonyms-put': 'put synonyms', 'synonym-delete': 'removed a synonym',
  'synonyms-clear': 'removed all synonyms', 'documents-put': 'put', 'documents-delete': 'removed', 'documents-clear': 'removed all', 'catalogue-swap': 'put a catalogue in place', 'catalogue-discard': 'dropped a waiting catalogue',
  'key-create': 'made a key', 'key-change': 'changed a key', 'key-remove': 'revoked a key',
};

export function Audit(): VNode {
  const [below, setBelow] = useState<number[]>([]);
  const [words, setWords] = useState('');
  const at = below.at(-1);
  const list = useLoad(() => json<{entries: Change[]}>('GET', `/api/v1/audit?limit=100${at === undefined ? '' : `&below=${at}`}`), [at]);
  const shown = (list.data?.entries ?? []).filter((one) => `${one.by ?? ''} ${one.action} ${ACTIONS[one.action] ?? ''} ${one.what ?? ''}`.toLowerCase().includes(words.toLowerCase()));
  const last = list.data?.entries.at(-1);
  return (
    <View title="Audit" lead="Who changed settings, synonyms, rules, catalogues and keys, and when; the last thousand changes. Each is an event on the log.">
      <form class="row-form" onSubmit={(event) => event.preventDefault()}><label class="grow">Only those with <input type="search" value={words} placeholder="a name, a rule, a version" onInput={(event) => setWords(event.currentTarget.value)} /></label></form>
      <Card title="Newest first" wide>
        <Waiting of={list}>{({entries}) => entries.length === 0 ? <Empty>{at === undefined ? 'Nobody has changed anything yet.' : 'Nothing before that.'}</Empty> : shown.length === 0 ? <Empty>None of these has “{words}”.</Empty> : (
          <Table label="Changes" head={['When', 'Who', 'Did', 'What', 'Offset']} rows={shown.map((one) => [<span class="nowrap">{when(one.time_ms)}</span>, one.by ? <b>{one.by}</b> : <span class="soft">no key</span>, ACTIONS[one.action] ?? one.action, <span class="wrap">{one.what ?? ''}</span>, <code>{one.offset}</code>])} />
        )}</Waiting>
        {at !== undefined || (list.data?.entries.length ?? 0) === 100 ? (
          <div class="buttons">
            <button type="button" class="line" disabled={at === undefined} onClick={() => setBelow(below.slice(0, -1))}>Newer</button>
            <button type="button" class="line" disabled={(list.data?.entries.length ?? 0) < 100} onClick={() => last && setBelow([...below, last.offset])}>Older</button>
          </div>
        ) : null}
      </Card>
    </View>
  );
}

interface Verdict {
  origin: string;
  api: boolean;
  storefront: boolean;
  keys_required: boolean;
}

// What the server would say to a browser that opens the shop: a page cannot ask in another page's name, so the server
// is asked what it would answer.
function Origins(): VNode {
  const [origin, setOrigin] = useState('');
  const [verdict, setVerdict] = useState<Verdict | undefined>(undefined);
  const work = useDo();
  const line = (fine: boolean, name: string, text: VNode | string): VNode => <li><span class={fine ? 'tag' : 'tag bad-tag'}>{fine ? 'may' : 'may not'}</span> <b>{name}</b> {text}</li>;
  return (
    <Card title="May the shop’s pages ask?" note="CORS: browsers ask the server before a page of another address may" wide>
      <form class="row-form" onSubmit={(event) => {
        event.preventDefault();
        setVerdict(undefined);
        work.run(async () => setVerdict(await json<Verdict>('GET', `/api/v1/connect?origin=${encodeURIComponent(origin.trim().replace(/\/$/, ''))}`)));
      }}>
        <label class="grow">Address of the shop <input required value={origin} placeholder="https://shop.example" spellcheck={false} onInput={(event) => setOrigin(event.currentTarget.value)} /></label>
        <button type="submit" class="solid" disabled={work.busy}>Check</button>
      </form>
      {verdict ? (
        <ul class="plain-list" aria-label="Verdict">
          {line(verdict.storefront, 'Search widgets and click events', verdict.storefront ? verdict.keys_required ? 'with a key of role read' : '' : 'the server has no keys, and is open to this machine only')}
          {line(verdict.api, 'The native API', verdict.api ? verdict.keys_required ? 'with a key' : '' : <>start the server with <code>--set 'server.cors_origins=["{verdict.origin}"]'</code></>)}
        </ul>
      ) : null}
      <Said what={work} />
    </Card>
  );
}

const snippets = (origin: string, host: string, protocol: string): readonly (readonly [string, string])[] => [
  ['An event, by hand', `curl -s ${origin}/api/v1/events -H 'x-api-key: KEY' \\\n  -d '{"type": "view", "user": "ada", "item": "p000001"}'`],
  ['A search, by hand', `curl -s ${origin}/api/v1/search -H 'x-api-key: KEY' -d '{"query": "red ketle", "explain": true}'`],
  ['Recommendations, by hand', `curl -s '${origin}/api/v1/recommend?surface=for-you&user=ada&k=5' -H 'x-api-key: KEY'`],
  ['Search widgets of the shop', `import {liteClient} from 'algoliasearch/lite';\nimport {createNullCache} from '@algolia/client-common';\n\nconst hosts = [{url: '${host}', accept: 'readWrite', protocol: '${protocol}'}];\nconst searchClient = liteClient('shop', KEY, {hosts, responsesCache: createNullCache()});`],
  ['Its click events', `import aa from 'search-insights';\n\naa('init', {appId: 'shop', apiKey: KEY, host: '${origin}'});`],
];

export function Connect(): VNode {
  const work = useDo();
  const [copied, setCopied] = useState('');
  return (
    <View title="Connect" lead="What to put into the shop. KEY is a key of role read for pages, write for programs that send products.">
      <Card title="Is it all there?" note="sends one search event of a test shopper, and waits until answers know of it" wide>
        <div class="buttons"><button type="button" class="solid" disabled={work.busy} onClick={() => work.run(async () => {
          const from = performance.now();
          const {offset = 0} = await send({type: 'search', user: 'console-test', session: 'console-test', query: 'test event'} as never);
          const kept = performance.now() - from;
          for (let i = 0; i < 100; ++i) {
            const status = await json<{log: {applied: number}}>('GET', '/api/v1/status');
            if (status.log.applied >= offset) return `Taken and on disk after ${ms(kept)}, in the state that answers after ${ms(performance.now() - from)} (offset ${offset}).`;
          }
          throw new Error('It was taken, but answers do not know of it after a hundred looks.');
        })}>Send a test event</button></div>
        <Said what={work} />
      </Card>
      <Origins />
      <div class="boxes below">
        {snippets(location.origin, location.host, location.protocol.replace(':', '')).map(([title, code]) => (
          <Card title={title}>
            <pre tabIndex={0} aria-label={title}><code>{code}</code></pre>
            <div class="buttons"><button type="button" class="line" onClick={() => void navigator.clipboard.writeText(code).then(() => setCopied(title), () => setCopied(''))}>{copied === title ? 'Copied' : 'Copy'}<span class="sr"> {title}</span></button></div>
          </Card>
        ))}
      </div>
    </View>
  );
}
