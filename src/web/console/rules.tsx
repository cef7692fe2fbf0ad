// Rules over searches and recommendations: listed, made in a form or as JSON, tried before they are kept.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {json} from '../shared/api';
import {price} from '../shared/text';
import {Choice, Flag, Num, Rows, Words} from './fields';
import {idOf} from './merchandising';
import {Card, Drawn, Empty, Said, Table, View, Waiting, mayChange, useDo, useLoad, useSettled} from './parts';

interface Condition {
  query?: string;
  match?: string;
  page?: string;
  context?: string;
  filter?: string;
}
export interface Rule {
  id: string;
  enabled?: boolean;
  description?: string;
  when?: Condition[];
  valid?: {from_ms?: number | undefined; until_ms?: number | undefined}[];
  then?: {
    pin?: {item: string; position: number}[];
    pins_follow_filters?: boolean;
    hide?: string[];
    lift?: string;
    filter?: string;
    query?: string;
    remove_words?: string[];
    redirect?: string;
    rendering?: unknown;
    data?: unknown;
  };
  origin?: unknown;
}

const condition = (rule: Rule): string => (rule.when ?? []).map((one) => [one.query === undefined ? '' : `query ${one.match ?? 'contains'} “${one.query}”`, one.page ? `page ${one.page}` : '', one.context ? `context ${one.context}` : '', one.filter ? `filter ${one.filter}` : ''].filter(Boolean).join(' and ')).join(' or ') || 'every page';
const effect = ({then = {}}: Rule): string => [
  ...(then.pin ?? []).map((one) => `${one.item} at place ${one.position + 1}`), then.hide?.length ? `without ${then.hide.join(', ')}` : '', then.lift ? `first what is ${then.lift}` : '',
  then.filter ? `only ${then.filter}` : '', then.query !== undefined ? `search “${then.query}” instead` : '', then.remove_words?.length ? `without the words ${then.remove_words.join(', ')}` : '', then.redirect ? `go to ${then.redirect}` : '',
  then.rendering !== undefined ? 'a banner' : '', then.data !== undefined ? 'data for the page' : '',
].filter(Boolean).join('; ') || 'nothing yet';
const day = (ms: number): string => new Date(ms).toLocaleDateString('en', {day: 'numeric', month: 'short', year: 'numeric'});
const span = ({valid = []}: Rule): string => valid.map((one) => `${one.from_ms ? `from ${day(one.from_ms)} ` : ''}${one.until_ms ? `until ${day(one.until_ms)}` : ''}`.trim()).join(', ') || 'always';

// Local time as <input type="datetime-local"> has it.
const local = (ms: number | undefined): string => (ms === undefined ? '' : new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16));
const moment = (text: string): number | undefined => (text ? new Date(text).getTime() : undefined);

// What is empty is left out, so that the server sees what is meant and nothing else.
function tidy(rule: Rule): Rule {
  const full = (value: unknown): boolean => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
  const clean = <T extends object>(of: T): T => Object.fromEntries(Object.entries(of).filter(([, value]) => full(value))) as T;
  return clean({...rule, when: rule.when?.map((one) => ({...clean(one), ...(one.query === '' && one.match === 'is' ? {query: ''} : {})})), valid: rule.valid?.map(clean).filter((one) => Object.keys(one).length > 0), then: clean(rule.then ?? {})});
}

function RuleForm({rule, change}: {rule: Rule; change: (next: Rule) => void}): VNode {
  const then = rule.then ?? {};
  const put = (part: Rule['then']): void => change({...rule, then: {...then, ...part}});
  const banner = then.rendering === undefined ? '' : JSON.stringify(then.rendering);
  const data = then.data === undefined ? '' : JSON.stringify(then.data);
  const asJson = (text: string): unknown => {
    if (!text.trim()) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  };
  return (
    <div class="form">
      <div class="row-form">
        <label class="grow">Name <input required value={rule.id} maxLength={256} placeholder="summer-sale" onInput={(event) => change({...rule, id: event.currentTarget.value})} /></label>
        <label class="grow">What it is for <input value={rule.description ?? ''} maxLength={1000} onInput={(event) => change({...rule, description: event.currentTarget.value})} /></label>
        <Flag label="on" value={rule.enabled !== false} change={(next) => change({...rule, enabled: next})} />
      </div>
      <section aria-label="When">
        <h3>When one of these holds</h3>
        <p class="fine">None: on every page, of searches and recommendations; a query: in searches. Words are compared whole, in any case and without accents.</p>
        <Rows name="Condition" head={['Query', 'Words', 'Page', 'Context', 'Filter of the page has']} list={rule.when ?? []} change={(next) => change({...rule, when: next})} fresh={(): Condition => ({query: '', match: 'contains'})}
          row={(one, set) => [
            <Choice bare label="How the query compares" value={one.query === undefined ? 'any' : one.match ?? 'contains'} among={{any: 'any', contains: 'contains', is: 'is', starts: 'starts with', ends: 'ends with'}} change={(next) => {
              const {query, match, ...rest} = one;
              void match;
              set(next === 'any' ? rest : {...rest, query: query ?? '', match: next});
            }} />,
            <input aria-label="Words of the query" disabled={one.query === undefined} value={one.query ?? ''} placeholder={one.query === undefined ? '' : 'kettle'} onInput={(event) => set({...one, query: event.currentTarget.value})} />,
            <Choice bare label="Page" value={one.page ?? ''} among={{'': 'every', search: 'search', recommendations: 'recommendations', 'for-you': 'for you', next: 'next', related: 'related', 'bought-together': 'bought together', trending: 'trending', 'recently-viewed': 'recently viewed', 'buy-again': 'buy again'}} change={(next) => {
              const {page, ...rest} = one;
              void page;
              set(next === '' ? rest : {...rest, page: next});
            }} />,
            <input class="short" aria-label="Context" value={one.context ?? ''} placeholder="any" onInput={(event) => set({...one, context: event.currentTarget.value})} />,
            <input aria-label="Filter" value={one.filter ?? ''} placeholder="any" spellcheck={false} onInput={(event) => set({...one, filter: event.currentTarget.value})} />,
          ]} />
      </section>
      <section aria-label="Schedule">
        <h3>While</h3>
        <Rows name="Span" head={['From', 'Until']} list={rule.valid ?? []} change={(next) => change({...rule, valid: next})} fresh={(): {from_ms?: number | undefined; until_ms?: number | undefined} => ({})}
          row={(one, set) => [<input type="datetime-local" aria-label="From" value={local(one.from_ms)} onInput={(event) => set({...one, from_ms: moment(event.currentTarget.value)})} />,
            <input type="datetime-local" aria-label="Until" value={local(one.until_ms)} onInput={(event) => set({...one, until_ms: moment(event.currentTarget.value)})} />]} />
      </section>
      <section aria-label="Then">
        <h3>Then</h3>
        <Rows name="Pin" head={['Product', 'Place']} list={then.pin ?? []} change={(next) => put({pin: next})} fresh={() => ({item: '', position: then.pin?.length ?? 0})}
          row={(one, set) => [<input aria-label="Product at a place" value={one.item} placeholder="id of the product" onInput={(event) => set({...one, item: event.currentTarget.value.trim()})} />,
            <Num bare label="Place" value={one.position + 1} min={1} max={1000} change={(next) => set({...one, position: Math.max(0, next - 1)})} />]} />
        {(then.pin?.length ?? 0) > 0 ? <Flag label="pinned products respect the shopper’s filters" value={then.pins_follow_filters !== false} change={(next) => put({pins_follow_filters: next ? undefined : false})} /> : null}
        <div class="row-form">
          <Words label="Hide these products" value={then.hide ?? []} placeholder="ids" change={(next) => put({hide: next})} />
          <label class="grow">Show first what is <input value={then.lift ?? ''} placeholder="brand:Acme AND price < 50" spellcheck={false} onInput={(event) => put({lift: event.currentTarget.value})} /></label>
          <label class="grow">Show only what is <input value={then.filter ?? ''} placeholder="available:true" spellcheck={false} onInput={(event) => put({filter: event.currentTarget.value})} /></label>
          <label class="grow">Search this instead <input value={then.query ?? ''} onInput={(event) => put({query: event.currentTarget.value || undefined})} /></label>
          <Words label="Leave these words out" value={then.remove_words ?? []} change={(next) => put({remove_words: next})} />
          <label class="grow">Send the shopper to <input value={then.redirect ?? ''} placeholder="/sale" onInput={(event) => put({redirect: event.currentTarget.value})} /></label>
          <label class="grow">Banner (JSON for the page) <input class="code" defaultValue={banner} placeholder='{"banner": "Sale!"}' spellcheck={false} onChange={(event) => put({rendering: asJson(event.currentTarget.value)})} /></label>
          <label class="grow">Data for the page (JSON) <input class="code" defaultValue={data} spellcheck={false} onChange={(event) => put({data: asJson(event.currentTarget.value)})} /></label>
        </div>
      </section>
    </div>
  );
}

interface Found {
  found: number;
  items: {item: string; title?: string; price?: number}[];
  rules?: string[];
  redirect?: string;
}
const askWith = (query: string, contexts: string[], more: object): Promise<Found> => json<Found>('POST', '/api/v1/search', {query, count: 10, record: false, contexts, ...more});

// The page as it is, and as it would be: the server tries the rule in one search without keeping it.
function Preview({rule}: {rule: Rule}): VNode {
  const first = rule.when?.find((one) => one.query);
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const query = useSettled(typed ?? first?.query ?? '');
  const contexts = (rule.when ?? []).map((one) => one.context).filter((one): one is string => Boolean(one));
  const complete = tidy(rule);  // But for pins that have no product yet: those are not tried.
  if (complete.then?.pin) complete.then = {...complete.then, pin: complete.then.pin.filter((one) => one.item !== '')};
  const trial = useSettled(JSON.stringify({...complete, id: rule.id || 'trial', enabled: true, valid: []}));
  const now = useLoad(() => askWith(query, contexts, {}), [query, trial]);
  const then = useLoad(() => askWith(query, contexts, {try_rule: JSON.parse(trial)}), [query, trial]);
  const list = (page: Found, other: Found | undefined): VNode => page.redirect ? <Empty>The shopper is sent to <code>{page.redirect}</code>.</Empty> : page.items.length === 0 ? <Empty>Nothing is found.</Empty> : (
    <ol class="ranks">{page.items.map((one, place) => {
      const was = other?.items.findIndex((each) => each.item === one.item) ?? place;
      return <li key={one.item}><div class="rank"><span class="place">{place + 1}</span><Drawn id={one.item} title={one.title ?? one.item} /><span class="what">{one.title ?? one.item}<small>{one.item} {price(one.price)}</small></span>
        {was !== place ? <em>{was < 0 ? 'new here' : was > place ? `${was - place} higher` : `${place - was} lower`}</em> : null}</div></li>;
    })}</ol>
  );
  const met = then.data?.rules?.includes(rule.id || 'trial');
  return (
    <Card title="What it would change" note="tried by the server, not kept" wide>
      <div class="row-form"><label class="grow">Query <input type="search" value={typed ?? first?.query ?? ''} onInput={(event) => setTyped(event.currentTarget.value)} /></label></div>
      <p class="fine" role="status">{then.data ? met ? 'The rule holds for this query; a schedule is left aside here.' : 'The rule does not hold for this query.' : ''}</p>
      <div class="boxes inner">
        <div><h3>Now</h3><Waiting of={now}>{(page) => list(page, undefined)}</Waiting></div>
        <div><h3>With the rule</h3><Waiting of={then}>{(page) => list(page, now.data)}</Waiting></div>
      </div>
    </Card>
  );
}

const FRESH: Rule = {id: '', when: [{query: '', match: 'contains'}], then: {}};

export function Rules({open}: {open: string}): VNode {
  const all = useLoad(() => json<{rules: Rule[]}>('GET', '/api/v1/rules'), []);
  const [draft, setDraft] = useState<Rule | undefined>(undefined);
  const [text, setText] = useState<string | undefined>(undefined);
  const work = useDo();
  const editing = draft ?? all.data?.rules.find((one) => one.id === open);
  const edit = (rule: Rule): void => {
    setDraft(rule);
    setText(undefined);
  };
  const put = async (rule: Rule): Promise<void> => {
    const {id, ...rest} = tidy(rule);
    if (!id) throw new Error('Name: expected one for the rule.');
    await json('PUT', `/api/v1/rules/${encodeURIComponent(id)}`, rest);
    all.again();
  };
  const close = (): void => {
    setDraft(undefined);
    setText(undefined);
    if (open) location.hash = '#/rules';
  };
  const parsed = (): Rule => {
    try {
      return JSON.parse(text ?? '') as Rule;
    } catch (error) {
      throw new Error(`This is no JSON: ${(error as Error).message}`);
    }
  };
  return (
    <View title="Rules" lead="What the shop wants of certain searches: products at a place, before all others, or not at all; another search, a banner, a page to go to."
      tools={mayChange() && !editing ? <button type="button" class="solid" onClick={() => edit(FRESH)}>New rule</button> : null}>
      {editing && mayChange() ? (
        <>
          <Card title={all.data?.rules.some((one) => one.id === editing.id) ? `Rule ${editing.id}` : 'A new rule'} note={<button type="button" class="plain" onClick={() => work.run(async () => {
            if (text === undefined) setText(JSON.stringify(tidy(editing), undefined, 2));
            else edit(parsed());
          })}>{text === undefined ? 'as JSON' : 'as a form'}</button>} wide>
            {text === undefined ? <RuleForm key={all.data?.rules.some((one) => one.id === open) ? open : 'new'} rule={editing} change={setDraft} />
              : <textarea class="code" rows={16} spellcheck={false} aria-label="A rule as JSON" value={text} onInput={(event) => setText(event.currentTarget.value)} />}
            <div class="buttons">
              <button type="button" class="solid" disabled={work.busy} onClick={() => work.run(async () => {
                const rule = text === undefined ? {...editing, id: editing.id.trim() || idOf(editing.description ?? editing.when?.[0]?.query ?? '')} : parsed();
                await put(rule);
                close();
                return `${rule.id} holds from the next search on.`;
              })}>Keep it</button>
              <button type="button" class="plain" onClick={close}>Leave it</button>
            </div>
          </Card>
          {text === undefined ? <Preview rule={editing} /> : null}
        </>
      ) : null}
      <Said what={work} />
      <Card title="All" wide>
        <Waiting of={all}>{({rules}) => rules.length === 0 ? <Empty>None yet.</Empty> : (
          <Table label="Rules" head={['Rule', 'When', 'Then', 'While', '', '']} rows={rules.map((one) => [
            <><b class="wrap">{one.id}</b>{one.description ? <small>{one.description}</small> : null}</>, <span class="wrap">{condition(one)}</span>, <span class="wrap">{effect(one)}</span>, span(one),
            mayChange() ? <button type="button" class="line" aria-label={`${one.enabled === false ? 'Switch on' : 'Switch off'} ${one.id}`} onClick={() => work.run(async () => {
              await put({...one, enabled: one.enabled === false});
              return `${one.id} is ${one.enabled === false ? 'on' : 'off'}.`;
            })}>{one.enabled === false ? 'Switch on' : 'Switch off'}</button> : one.enabled === false ? 'off' : 'on',
            mayChange() ? <span class="nowrap"><button type="button" class="plain" aria-label={`Edit ${one.id}`} onClick={() => {
              edit(one);
              window.scrollTo(0, 0);
            }}>Edit</button> <button type="button" class="plain" aria-label={`Remove ${one.id}`} onClick={() => work.run(async () => {
              await json('DELETE', `/api/v1/rules/${encodeURIComponent(one.id)}`);
              all.again();
            })}>Remove</button></span> : '',
          ])} />
        )}</Waiting>
      </Card>
    </View>
  );
}
