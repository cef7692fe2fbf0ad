// The shop's items: searched and browsed; one of them with all that is known of it, where it is used, and changed or
// taken out through the API that every other program uses.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {ApiError, type Item, json, recommend} from '../shared/api';
import {count, price} from '../shared/text';
import {Card, Drawn, Empty, Said, Table, View, Waiting, mayChange, useDo, useLoad, useSettled, when} from './parts';
import type {Rule} from './rules';

const PAGE = 25;

interface Listed {
  found: number;
  found_exact?: boolean;
  items: {item: string; title?: string; price?: number; attributes?: Record<string, unknown>}[];
}
export interface Known extends Item {
  listed: boolean;
  deleted: boolean;
  created_ms: number;
  updated_ms: number;
  counts: Record<string, {hour: number; day: number; month: number; last_day: number}>;
}

const shown = (value: unknown): string => (value === undefined ? '' : Array.isArray(value) ? value.join(', ') : String(value));

export function Catalogue(): VNode {
  const [query, setQuery] = useState('');
  const [filter, setFilter] = useState('');
  const [from, setFrom] = useState(0);
  const asked = useSettled(query), passing = useSettled(filter);
  const list = useLoad(() => json<Listed>('POST', '/api/v1/search', {query: asked, filter: passing, from, count: PAGE, record: false, rules: false, semantic: 'off', relaxation: 'none', attributes: ['brand', 'category', 'available']}), [asked, passing, from]);
  return (
    <View title="Catalogue" lead="Every product the shop has, as the program knows it. Looking is not recorded."
      tools={mayChange() ? <a class="solid" href="#/import">Import a file</a> : null}>
      <form class="row-form" onSubmit={(event) => event.preventDefault()}>
        <label class="grow">Words or an id <input type="search" value={query} onInput={(event) => {
          setQuery(event.currentTarget.value);
          setFrom(0);
        }} /></label>
        <label class="grow">Filter <input value={filter} placeholder="price < 50 AND brand:Acme" spellcheck={false} onInput={(event) => {
          setFilter(event.currentTarget.value);
          setFrom(0);
        }} /></label>
      </form>
      <Card title="Products" wide>
        <Waiting of={list}>{(page) => page.found === 0 ? (
          <Empty>{asked || passing ? 'Nothing matches.' : <>The catalogue is empty. {mayChange() ? <a href="#/import">Import a file</a> : 'An administrator can import a file'}, or send products to <code>POST /api/v1/items</code>.</>}</Empty>
        ) : (
          <>
            <Table label="Products" head={['', 'Product', 'Brand', 'Category', 'Price', '']} rows={page.items.map((one) => [
              <a class="pic" href={`#/catalogue/${encodeURIComponent(one.item)}`} tabIndex={-1} aria-hidden="true"><Drawn id={one.item} title={one.title ?? one.item} /></a>,
              <a class="what" href={`#/catalogue/${encodeURIComponent(one.item)}`}>{one.title ?? one.item}<small>{one.item}</small></a>,
              shown(one.attributes?.['brand']), <span class="wrap">{shown(one.attributes?.['category'])}</span>, <span class="nowrap">{price(one.price)}</span>,
              one.attributes?.['available'] === false ? <span class="tag bad-tag">not available</span> : '',
            ])} />
            <nav class="buttons" aria-label="Pages">
              <button type="button" class="line" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - PAGE))}>Before</button>
              <span class="fine">{count(from + 1)} to {count(from + page.items.length)} of {page.found_exact === false ? 'about ' : ''}{count(page.found)}</span>
              <button type="button" class="line" disabled={from + page.items.length >= page.found || page.items.length === 0 || from + PAGE >= 1000} onClick={() => setFrom(from + PAGE)}>After</button>
              {from + PAGE >= 1000 && page.found > from + PAGE ? <span class="fine">Further pages: narrow it by words or a filter.</span> : null}
            </nav>
          </>
        )}</Waiting>
      </Card>
    </View>
  );
}

const TALLIES: Record<string, string> = {impression: 'shown', view: 'viewed', cart: 'put into a cart', purchase: 'bought', search: 'met by a search'};
const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
// A field holds text as it is, and everything else as JSON.
function fromText(text: string, before: unknown): unknown {
  if (typeof before === 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    if (before === undefined) return text;
    throw new Error(`“${text}” was ${Array.isArray(before) ? 'a list, as ["a", "b"]' : `a ${typeof before}`}: expected one again`);
  }
}

function Attributes({item, done}: {item: Known; done: () => void}): VNode {
  const [edited, setEdited] = useState<Record<string, string | null>>({});
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const work = useDo();
  const names = Object.keys(item.attributes).sort();
  const changes = (): Record<string, unknown> => {
    const out: Record<string, unknown> = {};
    for (const [one, text] of Object.entries(edited)) out[one] = text === null ? null : fromText(text, item.attributes[one]);
    if (name.trim()) out[name.trim()] = fromText(value, undefined);
    return out;
  };
  const may = mayChange();
  const touched = Object.keys(edited).length > 0 || name.trim() !== '';
  return (
    <form class="attributes" onSubmit={(event) => {
      event.preventDefault();
      work.run(async () => {
        const wanted = changes();
        await json('PATCH', `/api/v1/items/${encodeURIComponent(item.id)}`, wanted);
        setEdited({});
        setName('');
        setValue('');
        await new Promise((resume) => setTimeout(resume, 80));  // The fold is milliseconds behind the door.
        done();
        return `Kept: ${Object.keys(wanted).join(', ')}. It holds from the next search on.`;
      });
    }}>
      {names.length === 0 ? <Empty>It has none: it is known by what shoppers did only.</Empty> : null}
      {names.map((one) => {
        const text = edited[one] === undefined ? asText(item.attributes[one]) : edited[one];
        const change = (next: string): void => setEdited({...edited, [one]: next});
        return (
          <div key={one} class={`attribute${edited[one] === null ? ' gone' : ''}`}>
            <label for={`a-${one}`}>{one}</label>
            {text !== null && text.length > 90 ? <textarea id={`a-${one}`} rows={Math.min(7, Math.ceil(text.length / 70))} readOnly={!may} value={text} onInput={(event) => change(event.currentTarget.value)} />
              : <input id={`a-${one}`} readOnly={!may || text === null} value={text ?? ''} placeholder={text === null ? 'will be removed' : ''} onInput={(event) => change(event.currentTarget.value)} />}
            {may ? <button type="button" class="plain" aria-label={`${edited[one] === null ? 'Keep' : 'Remove'} ${one}`} onClick={() => {
              const {[one]: was, ...rest} = edited;
              setEdited(was === null ? rest : {...edited, [one]: null});
            }}>{edited[one] === null ? 'Keep' : 'Remove'}</button> : null}
          </div>
        );
      })}
      {may ? (
        <>
          <div class="attribute">
            <input aria-label="Name of a new attribute" placeholder="new attribute" value={name} onInput={(event) => setName(event.currentTarget.value)} />
            <input aria-label="Its value" placeholder="its value: a text, or JSON" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
          </div>
          <div class="buttons"><button type="submit" class="solid" disabled={work.busy || !touched}>Keep the changes</button>
            {touched ? <button type="button" class="plain" onClick={() => {
              setEdited({});
              setName('');
              setValue('');
            }}>Undo</button> : null}</div>
          <Said what={work} />
        </>
      ) : null}
    </form>
  );
}

function usedBy(rules: Rule[], id: string): [string, string][] {
  return rules.flatMap((rule): [string, string][] => [
    ...(rule.then?.pin ?? []).filter((one) => one.item === id).map((one): [string, string] => [rule.id, `puts it at place ${one.position + 1}`]),
    ...((rule.then?.hide ?? []).includes(id) ? [[rule.id, 'hides it'] as [string, string]] : []),
  ]);
}

function Uses({id}: {id: string}): VNode {
  const rules = useLoad(() => json<{rules: Rule[]}>('GET', '/api/v1/rules'), []);
  const near = useLoad(async () => {
    const [related, bought] = await Promise.all(['related', 'bought-together'].map((surface) => recommend({surface, user: '', session: '', items: [id], k: 6}, false)));
    return {related: related?.items ?? [], bought: bought?.items ?? []};
  }, [id]);
  const names = (list: {item: string; title?: string}[]): VNode => list.length === 0 ? <Empty>Nothing yet.</Empty>
    : <ul class="plain-list">{list.map((one) => <li><a href={`#/catalogue/${encodeURIComponent(one.item)}`}>{one.title ?? one.item}</a></li>)}</ul>;
  return (
    <Card title="Where it is used">
      <h3>Rules</h3>
      <Waiting of={rules}>{(all) => {
        const uses = usedBy(all.rules, id);
        return uses.length === 0 ? <Empty>No rule names it.</Empty> : <ul class="plain-list">{uses.map(([rule, how]) => <li><a href={`#/rules/${encodeURIComponent(rule)}`}>{rule}</a> {how}</li>)}</ul>;
      }}</Waiting>
      <Waiting of={near}>{({related, bought}) => (
        <>
          <h3>Shown as related to it</h3>{names(related)}
          <h3>Bought together with it</h3>{names(bought)}
        </>
      )}</Waiting>
    </Card>
  );
}

function Remove({id, title}: {id: string; title: string}): VNode {
  const [sure, setSure] = useState(false);
  const work = useDo();
  return (
    <>
      {sure ? (
        <div class="note-box" role="group" aria-label="Remove it?">
          <p>Take “{title}” out of the catalogue? It is not found or recommended any more; what was learned of it comes back when it is imported again.</p>
          <div class="buttons">
            <button type="button" class="danger" disabled={work.busy} onClick={() => work.run(async () => {
              await json('DELETE', `/api/v1/items/${encodeURIComponent(id)}`);
              location.hash = '#/catalogue';
            })}>Take it out</button>
            <button type="button" class="plain" onClick={() => setSure(false)}>Leave it</button>
          </div>
        </div>
      ) : <button type="button" class="plain" onClick={() => setSure(true)}>Take it out of the catalogue</button>}
      <Said what={work} />
    </>
  );
}

export function OneItem({id}: {id: string}): VNode {
  const item = useLoad(() => json<Known>('GET', `/api/v1/items/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }), [id]);
  const known = item.data;
  return (
    <View title={known?.title ?? id} lead={<><code>{id}</code> · <a href="#/catalogue">all products</a></>}
      tools={<a class="line" href={`#/recommendations//${encodeURIComponent(id)}`}>What is related to it</a>}>
      <Waiting of={item}>{(one) => !one ? <Card title="It is not there" wide><Empty>The catalogue has no product of the id “{id}”, and no shopper has met one.</Empty></Card> : (
        <div class="boxes uneven">
          <div class="column">
            <Card title="Attributes" note={mayChange() ? 'texts as they are, everything else as JSON' : ''}><Attributes key={`${one.id} ${one.updated_ms}`} item={one} done={item.again} /></Card>
            {mayChange() && !one.deleted ? <Card title="Out of the shop"><Remove id={one.id} title={one.title ?? one.id} /></Card> : null}
          </div>
          <div class="column">
            <Card title="As the shop sees it">
              <div class="item-card"><Drawn id={one.id} title={one.title ?? one.id} /><div>
                <b>{one.title ?? one.id}</b><p>{price(one.price)}</p>
                <p class="tags">{one.deleted ? <span class="tag bad-tag">taken out</span> : one.available ? <span class="tag">available</span> : <span class="tag bad-tag">not available</span>}{one.listed ? null : <span class="tag">not in the catalogue</span>}</p>
                <p class="fine">{one.facets.join(', ')}</p>
              </div></div>
              <p class="fine">first seen {when(one.created_ms)}, changed {when(one.updated_ms)}</p>
            </Card>
            <Card title="What shoppers did" note="counts that halve in an hour, a day, thirty days">
              <Table label="Counts" head={['', 'hour', 'day', 'month', 'last 24 h']} rows={Object.entries(TALLIES).map(([name, text]) => {
                const of = one.counts[name];
                return [text, (of?.hour ?? 0).toFixed(1), (of?.day ?? 0).toFixed(1), (of?.month ?? 0).toFixed(1), count(of?.last_day ?? 0)];
              })} />
            </Card>
            <Uses id={one.id} />
          </div>
        </div>
      )}</Waiting>
    </View>
  );
}
