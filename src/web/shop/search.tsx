// The search: stock widgets of InstantSearch.js over the storefront dialect, in the places of index.html.
import instantsearch from 'instantsearch.js';
import type {IndexUiState, Router, UiState} from 'instantsearch.js';
import {configure, clearRefinements, currentRefinements, frequentlyBoughtTogether, hits, pagination, panel, rangeInput, refinementList,
  relatedProducts, searchBox, sortBy, stats, toggleRefinement} from 'instantsearch.js/es/widgets';
import {connectRefinementList} from 'instantsearch.js/es/connectors';
import {type VNode, render} from 'preact';
import {Card} from './card';
import {INDEX, productOf, searchClient} from './catalogue';
import {here} from './departments';
import {shopper} from './state';

export const SORTS = [
  {value: INDEX, label: 'Best match'},
  {value: `${INDEX}_price_asc`, label: 'Cheapest first'},
  {value: `${INDEX}_price_desc`, label: 'Dearest first'},
  {value: `${INDEX}_rating_desc`, label: 'Best rated'},
];
const LISTS = ['brand', 'color', 'style', 'sizes'] as const;

// ---- the state of the search as a part of the address after "#"

const inResults = (): boolean => location.hash.startsWith('#/search');
const isEmpty = (state: IndexUiState): boolean => Object.keys(toParams(state)).length === 0;

function toParams(state: IndexUiState): Record<string, string> {
  const out: Record<string, string> = {};
  if (state.query) out['q'] = state.query;
  const path = state.refinementList?.['category']?.[0];
  if (path) out['category'] = path;
  for (const name of LISTS) {
    const chosen = state.refinementList?.[name];
    if (chosen?.length) out[name] = chosen.join('~');
  }
  if (state.range?.['price'] && state.range['price'] !== ':') out['price'] = state.range['price'];
  if (state.toggle?.['available']) out['available'] = '1';
  if (state.sortBy && state.sortBy !== INDEX) out['sort'] = state.sortBy;
  if (state.page && state.page > 1) out['page'] = String(state.page);
  return out;
}

function fromParams(params: URLSearchParams): IndexUiState {
  const out: IndexUiState = {};
  const get = (name: string): string => params.get(name) ?? '';
  if (get('q')) out.query = get('q');
  if (get('category')) out.refinementList = {category: [get('category')]};
  for (const name of LISTS) if (get(name)) out.refinementList = {...out.refinementList, [name]: get(name).split('~')};
  if (get('price')) out.range = {price: get('price')};
  if (get('available')) out.toggle = {available: true};
  if (get('sort')) out.sortBy = get('sort');
  if (Number(get('page')) > 1) out.page = Number(get('page'));
  return out;
}

const readHash = (): UiState => (inResults() ? {[INDEX]: fromParams(new URLSearchParams(location.hash.split('?')[1] ?? ''))} : {[INDEX]: {}});
const hashOf = (state: UiState): string => {
  const params = new URLSearchParams(toParams(state[INDEX] ?? {})).toString();
  return `#/search${params ? `?${params}` : ''}`;
};

class HashRouter implements Router {
  private readonly heard: (() => void)[] = [];
  read(): UiState {
    return readHash();
  }
  write(state: UiState): void {
    const hash = hashOf(state);
    if (hash === location.hash || (isEmpty(state[INDEX] ?? {}) && !inResults())) return;
    // One step back leaves the results, however many letters were typed.
    if (inResults()) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
    window.dispatchEvent(new Event('route'));
  }
  createURL(state: UiState): string {
    return hashOf(state);
  }
  onUpdate(callback: (state: UiState) => void): void {
    const hear = (): void => {
      if (inResults() || location.hash.length < 3) callback(readHash());
    };
    window.addEventListener('hashchange', hear);
    window.addEventListener('popstate', hear);
    this.heard.push(() => {
      window.removeEventListener('hashchange', hear);
      window.removeEventListener('popstate', hear);
    });
  }
  dispose(): void {
    for (const stop of this.heard) stop();
  }
}

// ---- the widgets

// @types of hits leave out what the widgets themselves add.
interface Shown {
  [name: string]: unknown;
  objectID: string;
  __position: number;
  __queryID?: string;
  _highlightResult?: {title?: {value?: string}};
}

// "Velalo Opal <mark>Running</mark> Shoes": pieces of text, never HTML of the record.
function marked(hit: Shown): VNode | undefined {
  const value = hit._highlightResult?.title?.value;
  if (!value) return undefined;
  const pieces = value.split(/<\/?mark>/);
  return <>{pieces.map((piece, i) => {
    const text = piece.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
    return i % 2 ? <mark>{text}</mark> : text;
  })}</>;
}

const place = (id: string): string => `#${id}`;

export const search = instantsearch({
  indexName: INDEX,
  searchClient: searchClient as never,
  routing: {router: new HashRouter()},
  future: {preserveSharedStateOnUnmount: true},
  insights: false,  // This page sends its own events, to measure when they took effect.
});

let asked = configure({hitsPerPage: 24, clickAnalytics: true, userToken: shopper.value, maxValuesPerFacet: 200});

function list(attribute: (typeof LISTS)[number], id: string, title: string, searchable = false) {
  return panel<typeof refinementList>({hidden: ({items}) => items.length === 0, templates: {header: () => title}})(refinementList)({
    container: place(id), attribute, limit: 8, showMore: !searchable, showMoreLimit: 30, sortBy: ['isRefined', 'count:desc', 'name:asc'],
    ...(searchable ? {searchable: true, searchablePlaceholder: `Find a ${attribute}`} : {}),
    templates: {
      item: (item, {html}) => html`<label class="ais-RefinementList-label"><input type="checkbox" class="ais-RefinementList-checkbox" value=${item.value} checked=${item.isRefined} /><span class=${`value c-${attribute === 'color' ? item.value.toLowerCase() : ''}`}>${item.label}</span><span class="ais-RefinementList-count">${item.count}</span></label>`,
      searchableNoResults: () => 'No such value.',
    },
  });
}

// Categories are paths in one attribute ("Shoes > Boots" counts for "Shoes" too): departments, and what is below the
// chosen one. Each is a link to the search with it.
const categories = connectRefinementList(({items}) => {
  const box = document.getElementById('f-category');
  if (!box) return;
  const state = search.started ? search.getUiState()[INDEX] ?? {} : {};
  const chosen = state.refinementList?.['category']?.[0] ?? '';
  const department = chosen.split(' > ')[0] ?? '';
  const shown = items.filter((one) => !one.value.includes(' > ') || one.value.startsWith(`${department} > `));
  const order = (value: string): string => (value.startsWith(`${department} > `) ? department : value);
  const tops = shown.filter((one) => !one.value.includes(' > ')).map((one) => one.value);
  shown.sort((a, b) => tops.indexOf(order(a.value)) - tops.indexOf(order(b.value)) || Number(a.value.includes(' > ')) - Number(b.value.includes(' > ')));
  const href = (value: string): string => {
    const {page: _, ...rest} = state;
    return hashOf({[INDEX]: {...rest, refinementList: {...state.refinementList, category: value === chosen ? [] : [value]}}});
  };
  render(shown.length === 0 ? null : (
    <div class="ais-Panel">
      <div class="ais-Panel-header">Category</div>
      <ul>
        {shown.map((one) => (
          <li key={one.value} class={one.value.includes(' > ') ? 'tree-child' : ''}>
            <a class="tree-link" href={href(one.value)} aria-current={one.value === chosen ? 'true' : undefined}>{one.value.split(' > ').at(-1)}<b>{one.count}</b></a>
          </li>
        ))}
      </ul>
    </div>
  ), box);
});

// Nothing has the words, but the shop has something near in meaning: that is said, not passed off as found.
function sayNear(query: string): void {
  const near = document.getElementById('near');
  if (!near) return;
  const found = search.helper?.lastResults?.hits as Shown[] | undefined;
  const texts = (found ?? []).flatMap((hit) => Object.values((hit._highlightResult ?? {}) as Record<string, {matchLevel?: string} | {matchLevel?: string}[]>).flat());
  near.hidden = !query || !found?.length || texts.some((one) => one.matchLevel !== 'none');
  near.textContent = near.hidden ? '' : `Nothing has “${query}” in its name. These may be near in meaning, as far as the shop has learned.`;
}

export function startSearch(): void {
  search.addWidgets([
    asked,
    searchBox({
      container: place('searchbox'), placeholder: 'Search shoes, mugs, tents …', autofocus: false, showLoadingIndicator: true,
    }),
    stats({
      container: place('stats'),
      templates: {text: ({nbHits, processingTimeMS}) => `${nbHits.toLocaleString('en')} ${nbHits === 1 ? 'product' : 'products'}, found in ${processingTimeMS < 1 ? 'under 1' : processingTimeMS} ms`},
    }),
    sortBy({container: place('sort'), items: SORTS}),
    currentRefinements({
      container: place('current'),
      transformItems: (items) => items.map((item) => ({...item, label: {category: 'Category', brand: 'Brand', color: 'Colour', style: 'Style', sizes: 'Size', price: 'Price', available: 'In stock'}[item.attribute] ?? item.label})),
    }),
    categories({attribute: 'category', limit: 500, sortBy: ['count:desc', 'name:asc']}),
    panel<typeof rangeInput>({templates: {header: () => 'Price, €'}})(rangeInput)({
      container: place('f-price'), attribute: 'price', precision: 0, templates: {submitText: () => 'Set', separatorText: () => 'to'},
    }),
    list('brand', 'f-brand', 'Brand', true),
    list('color', 'f-color', 'Colour'),
    list('style', 'f-style', 'Style'),
    list('sizes', 'f-sizes', 'Size'),
    panel<typeof toggleRefinement>({templates: {header: () => 'Stock'}})(toggleRefinement)({
      container: place('f-available'), attribute: 'available', templates: {labelText: () => 'In stock only'},
    }),
    hits<Shown>({
      container: place('hits'),
      escapeHTML: true,
      templates: {
        item: (hit) => {
          const query = search.helper?.state.query ?? '';
          const product = productOf(hit);
          return (
            <Card product={product} name={marked(hit)} why={{kind: 'search', query, position: hit.__position}}
              from={{surface: 'search', position: hit.__position, ...(hit.__queryID ? {query_id: hit.__queryID} : {})}} />
          );
        },
        empty: ({query}, {html}) => html`<div class="nothing"><h2>${query ? html`Nothing for “${query}”` : 'Nothing fits all of this'}</h2>
          <p>${query ? 'Small typing errors are forgiven, so it is probably not in the shop.' : 'One filter less may help.'}</p></div>`,
      },
    }),
    clearRefinements({container: place('nothing'), includedAttributes: [...LISTS, 'category', 'price', 'available'], templates: {resetLabel: () => 'Clear all filters'}}),
    pagination({container: place('pages'), padding: 2, showFirst: false, showLast: false}),
  ]);
  search.on('render', () => {
    const state = search.getUiState()[INDEX] ?? {};
    const path = state.refinementList?.['category']?.[0]?.split(' > ') ?? [];
    here.value = !inResults() ? '' : path[0] ?? (isEmpty(state) ? '*' : '');
    sayNear(state.query ?? '');
    document.querySelector('#searchbox form')?.setAttribute('aria-label', 'Search the shop');
    document.querySelector('#f-brand form')?.setAttribute('aria-label', 'Find a brand');
    const title = document.getElementById('results-title');
    const words = state.query ? `“${state.query}”` : path.at(-1) ?? 'Everything in the shop';
    if (title && title.textContent !== words) title.textContent = words;
    const chosen = (search.renderState[INDEX]?.currentRefinements?.items ?? []).length;
    document.getElementById('results')?.toggleAttribute('data-chosen', chosen > 0);
    document.getElementById('results')?.toggleAttribute('data-none', search.helper?.lastResults?.nbHits === 0);
  });
  search.start();
}

// Another shopper, or something was learned: the same search again, by whoever looks now.
export function askAgain(): void {
  if (!search.started) return;
  const next = configure({hitsPerPage: 24, clickAnalytics: true, userToken: shopper.value, maxValuesPerFacet: 200});
  search.removeWidgets([asked]);
  search.addWidgets([next]);
  asked = next;
}

// ---- recommendations around a product; changed with each product

let around: ReturnType<typeof relatedProducts>[] = [];

export function showAround(id: string): void {
  if (around.length) search.removeWidgets(around);
  const parts = {clickAnalytics: true, userToken: shopper.value};
  const card = (surface: string) => (hit: unknown) => {
    const product = productOf(hit as Record<string, unknown>);
    const query_id = (hit as Shown).__queryID;
    return <Card product={product} from={{surface, ...(query_id ? {query_id} : {})}} why={{kind: 'shelf', surface, anchor: id}} />;
  };
  around = [
    frequentlyBoughtTogether({container: place('together'), objectIDs: [id], limit: 6, queryParameters: parts as never,
      templates: {header: () => '' as never, item: card('bought-together') as never, empty: () => 'Nobody has bought anything with it yet.' as never}}) as never,
    relatedProducts({container: place('related'), objectIDs: [id], limit: 6, queryParameters: parts as never,
      templates: {header: () => '' as never, item: card('related') as never, empty: () => 'Nothing is known of it yet.' as never}}),
  ];
  search.addWidgets(around);
}

export const focusSearch = (): void => document.querySelector<HTMLInputElement>('#searchbox input')?.focus();
