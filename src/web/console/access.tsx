// Keys, and how shops and programs connect.
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
      <div class="boxes">
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
