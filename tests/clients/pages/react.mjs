// Stock widgets as components of React.
import {createElement as h} from 'react';
import {createRoot} from 'react-dom/client';
import {Breadcrumb, ClearRefinements, Configure, CurrentRefinements, DynamicWidgets, FrequentlyBoughtTogether, HierarchicalMenu, Highlight, Hits, HitsPerPage,
  Index, InfiniteHits, InstantSearch, LookingSimilar, Menu, Pagination, RangeInput, RefinementList, RelatedProducts, SearchBox, Snippet, SortBy, Stats,
  ToggleRefinement, TrendingItems} from 'react-instantsearch';
import {createNullCache} from '@algolia/client-common';
import {liteClient} from 'algoliasearch/lite';
import aa from 'search-insights';

const {host, searchKey, indexName} = window.shop;
const server = {url: host, accept: 'readWrite', protocol: 'http'};
const searchClient = liteClient('shop', searchKey, {hosts: [server, server], responsesCache: createNullCache()});
const insights = {insightsClient: aa, insightsInitParams: {appId: 'shop', apiKey: searchKey, host: `http://${host}`, useCookie: false}};
const Hit = ({hit, sendEvent}) => h('div', null,
  h('span', {className: 'name'}, h(Highlight, {hit, attribute: 'name'})), h(Snippet, {hit, attribute: 'description'}),
  h('button', {onClick: () => sendEvent('click', hit, 'Hit Clicked')}, 'look'));
const Item = ({item}) => h('span', {className: 'product'}, item.name);
const box = (id, ...children) => h('div', {id}, ...children);
const root = document.createElement('div');
document.body.append(root);
createRoot(root).render(
  h(InstantSearch, {indexName, searchClient, insights, future: {preserveSharedStateOnUnmount: true}},
    h(Configure, {hitsPerPage: 10, userToken: 'react-1'}),
    h(SearchBox), box('stats', h(Stats)), box('clear', h(ClearRefinements)), box('current', h(CurrentRefinements)),
    box('brand', h(RefinementList, {attribute: 'brand', searchable: true})),
    box('tree', h(HierarchicalMenu, {attributes: ['categories.lvl0', 'categories.lvl1']})),
    box('breadcrumb', h(Breadcrumb, {attributes: ['categories.lvl0', 'categories.lvl1']})),
    box('menu', h(Menu, {attribute: 'colors'})), box('range', h(RangeInput, {attribute: 'price'})),
    box('toggle', h(ToggleRefinement, {attribute: 'free_shipping', label: 'free'})),
    box('dynamic', h(DynamicWidgets, {facets: ['*'], fallbackComponent: RefinementList, maxValuesPerFacet: 20})),
    h(SortBy, {items: [{value: indexName, label: 'best'}, {value: 'products_price_asc', label: 'cheap'}]}),
    h(HitsPerPage, {items: [{value: 10, label: '10', default: true}, {value: 5, label: '5'}]}),
    box('hits', h(Hits, {hitComponent: Hit})), box('pagination', h(Pagination)),
    h(Index, {indexName: 'products_price_asc', indexId: 'cheap'}, h(Configure, {hitsPerPage: 3}), box('cheap', h(InfiniteHits, {hitComponent: Hit}))),
    box('trending', h(TrendingItems, {limit: 3, itemComponent: Item})),
    box('related', h(RelatedProducts, {objectIDs: ['p6'], limit: 3, itemComponent: Item})),
    box('bought', h(FrequentlyBoughtTogether, {objectIDs: ['p0', 'p1'], limit: 3, itemComponent: Item})),
    box('similar', h(LookingSimilar, {objectIDs: ['p6'], limit: 3, itemComponent: Item}))));
