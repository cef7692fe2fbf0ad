// The unmodified server library of the Segment spec, and bodies as pages and tag servers send them, against a running server.
//
//   node tracking_clients.mjs HOST:PORT ADMIN_KEY SEARCH_KEY
import process from 'node:process';
import {gzipSync} from 'node:zlib';
import {Analytics} from '@segment/analytics-node';
import {check, finish, same} from './shop.mjs';

const [host, adminKey, searchKey] = process.argv.slice(2);
const url = `http://${host}`;
const native = async (path) => (await fetch(`${url}/api/v1${path}`, {headers: {'x-api-key': adminKey}})).json();
const becomes = async (holds) => {
  for (let i = 0; i < 200; ++i) {
    const got = await holds();
    if (got) return got;
    await new Promise((done) => setTimeout(done, 25));
  }
  return undefined;
};
const actions = async (user) => ((await native(`/users/${user}`)).actions ?? []).map((one) => `${one.type} ${one.item}`);
const comes = async (user, wanted, what) => {
  const text = wanted.join(', ');
  await becomes(async () => (await actions(user)).join(', ') === text);
  same(await actions(user), wanted, what);
};

// ---- the library, with its host option only
const answers = [], problems = [];
const analytics = new Analytics({writeKey: searchKey, host: url, flushInterval: 50});
analytics.on('http_response', ({status}) => answers.push(status));
analytics.on('error', (problem) => problems.push(problem));
const product = (id, more) => ({product_id: id, name: `Product ${id}`, price: 9.5, ...more});
analytics.track({anonymousId: 'cookie-1', event: 'Products Searched', properties: {query: 'red kettle'}});
analytics.track({anonymousId: 'cookie-1', event: 'Product List Viewed', properties: {list_id: 'sale', products: [product('p1'), product('p2')]}});
analytics.track({anonymousId: 'cookie-1', event: 'Product Clicked', properties: product('p1', {position: 1})});
analytics.track({anonymousId: 'cookie-1', event: 'Product Viewed', properties: product('p1')});
analytics.page({anonymousId: 'cookie-1', name: 'Home', properties: {path: '/'}});
analytics.track({anonymousId: 'cookie-1', event: 'Signed Up', properties: {}});
await analytics.flush();
await comes('cookie-1', ['click p1', 'view p1'], 'a visitor clicks and looks');
analytics.identify({userId: 'ada', anonymousId: 'cookie-1', traits: {plan: 'gold', city: 'Ulm'}});
analytics.track({userId: 'ada', event: 'Product Added', properties: product('p1', {quantity: 2})});
analytics.track({userId: 'ada', event: 'Order Completed', properties: {order_id: 'o-1', currency: 'EUR', products: [product('p1', {quantity: 2}), product('p2')]}});
analytics.alias({userId: 'ada', previousId: 'cookie-2'});
analytics.group({userId: 'ada', groupId: 'company'});
await analytics.flush();
await comes('ada', ['click p1', 'view p1', 'add-to-cart p1', 'purchase p1', 'purchase p2'], 'and is the same when known by name');
const ada = await native('/users/ada');
same([ada.attributes.plan, ada.attributes.city], ['gold', 'Ulm'], 'with what identify says');
check(ada.linked.includes('cookie-1') && ada.linked.includes('cookie-2'), 'and both cookies', ada.linked);
check(answers.length > 0 && answers.every((status) => status === 200) && problems.length === 0, 'every batch was taken', [answers, problems]);
await analytics.closeAndFlush();
const wrong = new Analytics({writeKey: 'no-such-key', host: url, maxRetries: 0, flushInterval: 20});
const refused = new Promise((done) => wrong.on('error', done));
wrong.track({userId: 'eve', event: 'Product Viewed', properties: product('p1')});
await wrong.flush();
check(/401/.test(String((await refused).reason?.message ?? (await refused).reason)), 'a wrong write key is told so', String((await refused).reason));

// ---- as pages and tag servers send
const post = async (path, body, headers = {authorization: `Basic ${Buffer.from(`${searchKey}:`).toString('base64')}`}) => {
  const response = await fetch(url + path, {method: 'POST', headers, body});
  const text = await response.text();
  return {status: response.status, origin: response.headers.get('access-control-allow-origin'), body: text === '' ? null : JSON.parse(text)};
};
const viewed = (user, id, more = {}) => ({event: 'Product Viewed', userId: user, properties: {product_id: id}, ...more});
same(await post('/v1/track', JSON.stringify(viewed('bob', 'p1'))), {status: 200, origin: '*', body: {success: true}}, 'one message, by its path');
same((await post('/v1/t', JSON.stringify({...viewed('bob', 'p2'), writeKey: searchKey}), {'content-type': 'text/plain'})).status, 200, 'the key in the body, as pages send it');
same((await post('/v1/batch', gzipSync(JSON.stringify({batch: [{type: 'track', ...viewed('bob', 'p3')}]})),
  {authorization: `Bearer ${searchKey}`, 'content-encoding': 'gzip'})).status, 200, 'gzip');
await comes('bob', ['view p1', 'view p2', 'view p3'], 'all three');
const twice = JSON.stringify({batch: [{type: 'track', messageId: 'same', ...viewed('carl', 'p1')}]});
await post('/v1/batch', twice);
same((await post('/v1/batch', twice)).status, 200, 'sent again');
await comes('carl', ['view p1'], 'counts once');
for (const [path, body, status, words] of [
  ['/v1/batch', '{', 400, /body/], ['/v1/batch', '[]', 400, /expected an object/], ['/v1/batch', '{}', 400, /batch: expected a list/],
  ['/v1/batch', '{"batch": [3]}', 400, /batch\[0\]/], ['/v1/track', '{"event": "Product Viewed", "userId": "u"}', 400, /item/],
  ['/v1/track', JSON.stringify(viewed('u', 'p1', {timestamp: '2020-01-01T00:00:00Z'})), 400, /time/],
  ['/v1/batch', JSON.stringify({batch: new Array(2501).fill({})}), 413, /2500/], ['/v1/nothing', '{}', 404, /./]]) {
  const answer = await post(path, body);
  check(answer.status === status && answer.body.success === false && words.test(answer.body.message), `${path} ${body.slice(0, 40)}: ${status}`, answer);
}
check((await post('/v1/track', JSON.stringify(viewed('u', 'p1')), {})).status === 401, 'no key');

const limited = await (await fetch(`${url}/1/keys`, {method: 'POST', headers: {'x-algolia-api-key': adminKey, 'x-algolia-application-id': 'shop'},
  body: JSON.stringify({acl: ['search'], indexes: ['products'], description: 'bound'})})).json();
const bound = await post('/v1/track', JSON.stringify(viewed('u', 'p1')), {'x-api-key': limited.key});
check(bound.status === 403 && /bound/.test(bound.body.message), 'a key that is bound to searches', bound);
check((await fetch(`${url}/api/recommend/u`, {headers: {'x-api-key': limited.key}})).status === 403, 'opens no other door either');

// ---- GA4
const collect = (body, query = `measurement_id=G-1&api_secret=${searchKey}`) => post(`/mp/collect?${query}`, JSON.stringify(body), {});
const item = (id, more) => ({item_id: id, item_name: id, price: 4, ...more});
same((await collect({client_id: 'ga-1', events: [
  {name: 'view_item_list', params: {item_list_id: 'home', items: [item('p1'), item('p2')]}},
  {name: 'select_item', params: {item_list_id: 'home', items: [item('p2', {index: 1})]}},
  {name: 'view_item', params: {session_id: '7', items: [item('p2')]}},
  {name: 'scroll', params: {}},
  {name: 'purchase', params: {transaction_id: 't-1', currency: 'EUR', value: 8, items: [item('p2', {quantity: 2})]}}]})).status, 204, 'GA4: taken');
await comes('ga-1', ['click p2', 'view p2', 'purchase p2'], 'GA4: and learned');
await collect({client_id: 'ga-1', user_id: 'dora', events: [{name: 'purchase', params: {transaction_id: 't-1', items: [item('p2', {quantity: 2})]}}]});
await comes('dora', ['click p2', 'view p2', 'purchase p2'], 'GA4: an order reported again is one order, and the visitor has a name');
check((await collect({client_id: 'x'})).status === 400, 'GA4: no events');
check((await collect({client_id: 'x', events: [{name: 'view_item', params: {}}]})).status === 400, 'GA4: no item');
check((await collect({client_id: 'x', events: []}, 'measurement_id=G-1')).status === 401, 'GA4: no secret');
finish();
