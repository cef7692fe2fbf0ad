// The storefront dialect's clients, with only their hosts set; and lookups of single products.
import {createNullCache} from '@algolia/client-common';
import {liteClient} from 'algoliasearch/lite';
import {getItem, keyOf} from '../shared/api';
import type {Product} from './state';

export const INDEX = 'products';

const server = {url: location.host, accept: 'readWrite' as const, protocol: location.protocol === 'https:' ? 'https' as const : 'http' as const};
export const searchClient = liteClient('shop', keyOf() || 'open', {
  hosts: [server, server],  // A second entry: the client asks the next host when one is silent for a second.
  responsesCache: createNullCache(),  // What was learned since is in the next answer.
  requestsCache: createNullCache(),
});

const text = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value ?? ''));

export function productOf(record: Record<string, unknown>): Product {
  const out: Product = {id: text(record['objectID']), title: text(record['title'] ?? record['objectID'])};
  if (typeof record['price'] === 'number') out.price = record['price'];
  if (typeof record['rating'] === 'number') out.rating = record['rating'];
  if (typeof record['available'] === 'boolean') out.available = record['available'];
  for (const name of ['category', 'color', 'style'] as const) if (record[name]) out[name] = text(record[name]);
  return out;
}

export async function searchById(ids: string[]): Promise<Product[]> {
  const {results} = await searchClient.search<Record<string, unknown>>({requests: [{
    indexName: INDEX, query: '', filters: ids.map((id) => `objectID:"${id}"`).join(' OR '), hitsPerPage: ids.length,
    analytics: false, clickAnalytics: false, attributesToHighlight: [],
  }]});
  return (results[0] as {hits?: Record<string, unknown>[]}).hits?.map(productOf) ?? [];
}

export interface Known {
  product: Product;
  attributes: Record<string, unknown>;
}

export async function load(id: string): Promise<Known> {
  const item = await getItem(id);
  const product = productOf({...item.attributes, objectID: id, ...(item.title ? {title: item.title} : {})});
  product.available = item.available;
  return {product, attributes: item.attributes};
}
