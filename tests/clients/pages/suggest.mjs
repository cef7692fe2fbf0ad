// A search box with suggestions of queries and of products, and what it reports of them.
import {autocomplete, getAlgoliaResults} from '@algolia/autocomplete-js';
import {createAlgoliaInsightsPlugin} from '@algolia/autocomplete-plugin-algolia-insights';
import {createQuerySuggestionsPlugin} from '@algolia/autocomplete-plugin-query-suggestions';
import {createNullCache} from '@algolia/client-common';
import {liteClient} from 'algoliasearch/lite';
import aa from 'search-insights';

const {host, searchKey, indexName} = window.shop;
const server = {url: host, accept: 'readWrite', protocol: 'http'};
const searchClient = liteClient('shop', searchKey, {hosts: [server, server], responsesCache: createNullCache()});
aa('init', {appId: 'shop', apiKey: searchKey, host: `http://${host}`, useCookie: false});
aa('setUserToken', 'suggest-1');
const box = document.createElement('div');
document.body.append(box);
autocomplete({
  container: box,
  openOnFocus: true,
  detachedMediaQuery: 'none',  // Otherwise the theme's style sheet says, which this page does without.
  insights: false,  // The plugin below, with the client of this page; `true` would load one from elsewhere.
  plugins: [
    createAlgoliaInsightsPlugin({insightsClient: aa}),
    createQuerySuggestionsPlugin({searchClient, indexName: `${indexName}_query_suggestions`, getSearchParams: () => ({hitsPerPage: 4})}),
  ],
  getSources: ({query}) => [{
    sourceId: 'products',
    getItems: () => getAlgoliaResults({searchClient, queries: [{indexName, params: {query, hitsPerPage: 3, clickAnalytics: true}}]}),
    templates: {item: ({item, components, html}) => html`<div class="product">${components.Highlight({hit: item, attribute: 'name'})}</div>`},
  }],
});
