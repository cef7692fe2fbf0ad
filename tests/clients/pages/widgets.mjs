// A storefront of stock widgets: the search client's hosts and the events client's host are all that is set.
import {liteClient} from 'algoliasearch/lite';
import aa from 'search-insights';
import instantsearch from 'instantsearch.js';
import * as widgets from 'instantsearch.js/es/widgets';
import {createNullCache} from '@algolia/client-common';

const {host, searchKey, indexName} = window.shop;
const server = {url: host, accept: 'readWrite', protocol: 'http'};
const searchClient = liteClient('shop', searchKey, {
  hosts: [server, server],  // A second entry, as a shop has one: this client asks the next host when one is silent for a second.
  responsesCache: createNullCache(),
});
window.insightsResults = [];
const insightsClient = (method, ...rest) => {
  const result = aa(method, ...rest);
  if (result?.then) result.then((taken) => window.insightsResults.push(taken));
  return result;
};

const place = (id) => {
  const box = document.createElement('div');
  box.id = id;
  document.body.append(box);
  return box;
};
const search = instantsearch({
  indexName,
  searchClient,
  insights: {insightsClient, insightsInitParams: {appId: 'shop', apiKey: searchKey, host: `http://${host}`, useCookie: false}},
});
const names = {item: (hit, {html}) => html`<span>${hit.name}</span>`};
search.addWidgets([
  widgets.configure({hitsPerPage: 20, userToken: 'browser-1'}),
  widgets.searchBox({container: place('box')}),
  widgets.stats({container: place('stats')}),
  widgets.clearRefinements({container: place('clear')}),
  widgets.currentRefinements({container: place('current')}),
  widgets.breadcrumb({container: place('breadcrumb'), attributes: ['categories.lvl0', 'categories.lvl1']}),
  widgets.refinementList({container: place('brand'), attribute: 'brand', searchable: true}),
  widgets.hierarchicalMenu({container: place('tree'), attributes: ['categories.lvl0', 'categories.lvl1']}),
  widgets.menu({container: place('menu'), attribute: 'colors'}),
  widgets.menuSelect({container: place('menu-select'), attribute: 'dimensions.unit'}),
  widgets.toggleRefinement({container: place('toggle'), attribute: 'free_shipping', templates: {labelText: 'free'}}),
  widgets.ratingMenu({container: place('rating'), attribute: 'rating', max: 5}),
  widgets.numericMenu({container: place('numeric'), attribute: 'price', items: [{label: 'all'}, {label: 'below 20', end: 20}]}),
  widgets.rangeInput({container: place('range-input'), attribute: 'price'}),
  widgets.rangeSlider({container: place('range-slider'), attribute: 'dimensions.width'}),
  widgets.sortBy({container: place('sort'), items: [{value: indexName, label: 'best'}, {value: 'products_price_asc', label: 'cheap'}]}),
  widgets.hitsPerPage({container: place('per-page'), items: [{value: 20, label: '20', default: true}, {value: 5, label: '5'}]}),
  widgets.pagination({container: place('pagination')}),
  widgets.queryRuleCustomData({container: place('custom'), templates: {default: () => ''}}),
  widgets.dynamicWidgets({container: place('dynamic'), facets: ['*'], widgets: [
    (container) => widgets.panel()(widgets.menu)({container, attribute: 'colors'}),
    (container) => widgets.panel()(widgets.refinementList)({container, attribute: 'categories.lvl0'})]}),
  widgets.hits({container: place('hits'), templates: {
    item: (hit, {html, components, sendEvent}) => html`<span class="name">${components.Highlight({hit, attribute: 'name'})}</span>
      <small>${components.Snippet({hit, attribute: 'description'})}</small>
      <button onClick=${() => sendEvent('click', hit, 'Hit Clicked')}>look</button>`}}),
  widgets.index({indexName: 'products_price_asc', indexId: 'cheap'}).addWidgets([
    widgets.configure({hitsPerPage: 3}), widgets.infiniteHits({container: place('cheap'), templates: names})]),
]);
// Recommendations are added when the first search has been answered. The library renders every widget as soon as either answer
// is there, and its infiniteHits reads `results.hits` without looking whether there are results (4.118.1, InfiniteHits.js), so
// recommendations that overtake the first search stop the page. Widgets may be added at any time after start().
const recommended = [
  widgets.trendingItems({container: place('trending'), limit: 4, templates: names}),
  widgets.relatedProducts({container: place('related'), objectIDs: ['p6'], limit: 4, templates: names}),
  widgets.frequentlyBoughtTogether({container: place('bought'), objectIDs: ['p0'], limit: 4, templates: names}),
  widgets.lookingSimilar({container: place('similar'), objectIDs: ['p6'], limit: 4, templates: names}),
];
const addRecommended = () => {
  if (!search.helper?.lastResults) return;
  search.removeListener('render', addRecommended);
  search.addWidgets(recommended);
};
search.on('render', addRecommended);
search.start();
