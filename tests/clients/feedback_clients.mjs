// The unmodified client of the feedback dialect against a running server.
//
//   node feedback_clients.mjs HOST:PORT ADMIN_KEY SEARCH_KEY
import process from 'node:process';
import gorsejs from 'gorsejs';
import {check, finish, same} from './shop.mjs';

const [host, adminKey, searchKey] = process.argv.slice(2);
const endpoint = `http://${host}`;
const client = new gorsejs.Gorse({endpoint, secret: adminKey});
const reader = new gorsejs.Gorse({endpoint, secret: searchKey});
const fails = async (promise, code, what, words = /./) => {
  const error = await promise.then(() => undefined, (problem) => problem);
  check(error instanceof gorsejs.GorseException && error.code === code && words.test(error.message), what, error && [error.code, error.message]);
};
const raw = async (method, path, body, headers = {'x-api-key': adminKey}) => {
  const response = await fetch(`${endpoint}/api${path}`, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
  const text = await response.text();
  return {status: response.status, type: response.headers.get('content-type'), body: response.ok ? JSON.parse(text) : text};
};
const day = 86_400_000, at = (ago) => new Date(Math.floor(Date.now() / 1000) * 1000 - ago).toISOString();

// ---- items
const kettle = {ItemId: 'kettle/1 ü', IsHidden: false, Categories: ['Kitchen', 'Tea'], Labels: ['red', 'steel'], Timestamp: at(3 * day), Comment: 'Red Kettle'};
check((await client.upsertItem(kettle)) === 1, 'upsertItem');
same((await raw('GET', `/item/${encodeURIComponent(kettle.ItemId)}`)).body, {...kettle, Timestamp: kettle.Timestamp}, 'an item comes back as it was');
const items = [];
for (let i = 0; i < 30; ++i)
  items.push({ItemId: `p${i}`, IsHidden: false, Categories: [i % 2 ? 'Shoes' : 'Home'], Labels: {colour: i % 3 ? 'red' : 'blue', sizes: [36, 37]}, Timestamp: at(i * 3_600_000),
    Comment: `Product ${i}`});
check((await client.upsertItems(items)) === 30, 'upsertItems');
same(await client.getItem('p3'), items[3], 'getItem: nested labels too');
check((await client.updateItem('p3', {IsHidden: true})) === 1, 'updateItem');
same(await client.getItem('p3'), {...items[3], IsHidden: true}, 'and the rest of it stays');
check((await client.updateItem('p3', {IsHidden: false, Comment: 'Third'})) === 1, 'updateItem, back again');
same(await client.getItem('p3'), {...items[3], Comment: 'Third'}, 'with another comment');
check((await client.insertItemCategory('p3', 'Sale')) === 1, 'insertItemCategory');
same((await client.getItem('p3')).Categories, ['Shoes', 'Sale'], 'a category more');
check((await client.deleteItemCategory('p3', 'Sale')) === 1, 'deleteItemCategory');
same((await client.getItem('p3')).Categories, ['Shoes'], 'and one less');
const seen = [];
for (let cursor, pages = 0; cursor !== '' && pages < 9; ++pages) {
  const page = await client.getItems({n: 10, ...(cursor ? {cursor} : {})});
  seen.push(...page.Items.map((item) => item.ItemId));
  cursor = page.Cursor;
}
check(seen.length === 31 && new Set(seen).size === 31, 'getItems, page by page', seen.length);
check((await client.upsertItem({ItemId: 'gone', IsHidden: false, Timestamp: at(0)})) === 1 && (await client.deleteItem('gone')) === 1, 'deleteItem');
check((await client.deleteItem('gone')) === 0, 'deleteItem: nothing to delete');
await fails(client.getItem('gone'), 404, 'getItem: none', /gone/);
await fails(client.updateItem('gone', {IsHidden: true}), 404, 'updateItem: none');
await fails(client.upsertItem({IsHidden: false}), 400, 'an item without id', /ItemId/);
await fails(client.upsertItem({ItemId: 'x', IsHidden: 'perhaps'}), 400, 'a flag that is none', /IsHidden: expected true or false/);
await fails(client.upsertItem({ItemId: 'x', Timestamp: 'noon'}), 400, 'a time that is none', /Timestamp.*noon/);
await fails(client.upsertItem({ItemId: 'x', Categories: 'Home'}), 400, 'categories that are no list', /Categories/);
await fails(reader.upsertItem(items[0]), 403, 'a read key does not write', /role/);

// ---- users
check((await client.insertUser({UserId: 'ada', Labels: ['a', 'b'], Comment: 'first'})) === 1, 'insertUser');
same(await client.getUser('ada'), {UserId: 'ada', Labels: ['a', 'b'], Comment: 'first'}, 'getUser');
check((await client.insertUsers([{UserId: 'bob'}, {UserId: 'eve', Labels: ['c']}])) === 2, 'insertUsers');
check((await client.updateUser('ada', {Comment: 'second'})) === 1, 'updateUser');
same(await client.getUser('ada'), {UserId: 'ada', Labels: ['a', 'b'], Comment: 'second'}, 'and the rest stays');
await fails(client.getUser('nobody'), 404, 'getUser: none');
await fails(client.getUsers(), 501, 'users are not listed', /one by its id/);

// ---- feedback
const feedback = [];
for (let user = 0; user < 20; ++user)
  for (const item of ['p0', 'p2', user % 2 ? 'p4' : 'p6'])
    feedback.push({FeedbackType: user % 4 ? 'star' : 'read', UserId: `u${user}`, ItemId: item, Timestamp: at(60_000 * (user + 1))});
check((await client.insertFeedbacks(feedback)) === 60, 'insertFeedbacks');
check((await client.insertFeedbacks(feedback)) === 0, 'the same again counts once');
check((await client.upsertFeedbacks([{FeedbackType: 'purchase', UserId: 'ada', ItemId: 'p0', Timestamp: at(1000)}])) === 1, 'upsertFeedbacks');
same((await client.getUserFeedback('ada')).map((one) => [one.FeedbackType, one.UserId, one.ItemId]), [['purchase', 'ada', 'p0']], 'getUserFeedback');
same((await client.getUserFeedbackByType('u1', 'star')).map((one) => [one.FeedbackType, one.ItemId]), [['star', 'p0'], ['star', 'p2'], ['star', 'p4']], 'getUserFeedbackByType');
check((await client.getFeedback({type: 'star', userId: 'u1', itemId: 'p2'})).Timestamp === feedback[4].Timestamp.replace('.000Z', '.000Z'), 'getFeedback');
await fails(client.getFeedback({type: 'star', userId: 'u1', itemId: 'p20'}), 404, 'getFeedback: none');
const told = [];
for (let cursor = '0', pages = 0; cursor !== '' && pages < 20; ++pages) {
  const page = await client.getFeedbacks('star', {n: 20, cursor});
  told.push(...page.Feedback.map((one) => `${one.FeedbackType} ${one.UserId} ${one.ItemId}`));
  cursor = page.Cursor;
}
same(told, feedback.filter((one) => one.FeedbackType === 'star').map((one) => `star ${one.UserId} ${one.ItemId}`), 'getFeedbacks, page by page, in order');
check((await client.getFeedbacks(undefined, {n: 5})).Feedback.length === 5, 'getFeedbacks of all types');
await fails(client.insertFeedbacks([{FeedbackType: 'star', UserId: 'ada'}]), 400, 'feedback without item', /\[0\]\.ItemId/);
await fails(client.insertFeedbacks([{FeedbackType: 'star', UserId: 'ada', ItemId: 'p1', Timestamp: '2020-01-01'}]), 400, 'feedback of long ago', /time/);
await fails(client.deleteFeedback({type: 'star', userId: 'u1', itemId: 'p2'}), 501, 'feedback is not deleted', /erases/);
await fails(client.getItemFeedback('p1'), 501, 'nor kept by item');

// ---- recommendations
check((await client.getRecommend({userId: 'u1', cursorOptions: {n: 5}})).every((id) => typeof id === 'string'), 'getRecommend gives ids');
check((await client.getRecommend({userId: 'u1', cursorOptions: {n: 5}})).length === 5, 'as many as asked for');
const shoes = await client.getRecommend({userId: 'u1', category: 'Shoes', cursorOptions: {n: 4}});
check(shoes.length > 0 && shoes.every((id) => Number(id.slice(1)) % 2 === 1), 'of a category', shoes);
const first = await client.getRecommend({userId: 'u1', cursorOptions: {n: 6}});
same(await client.getRecommend({userId: 'u1', cursorOptions: {n: 3, offset: 3}}), first.slice(3), 'and from an offset');
check((await client.getRecommend({userId: 'somebody new', cursorOptions: {n: 3}})).length === 3, 'for somebody unknown too');
const popular = await client.getPopular({cursorOptions: {n: 3}});
check(popular.length === 3 && popular.every((one) => typeof one.Id === 'string' && one.Score > 0), 'getPopular', popular);
same((await client.getLatest({cursorOptions: {n: 3}})).map((one) => one.Id), ['p0', 'p1', 'p2'], 'getLatest');
same((await client.getLatest({category: 'Shoes', cursorOptions: {n: 2, offset: 1}})).map((one) => one.Id), ['p3', 'p5'], 'getLatest of a category');
const near = await client.getItemNeighbors({itemId: 'p0', cursorOptions: {n: 3}});
check(near.length === 3 && near.some((one) => one.Id === 'p2'), 'getItemNeighbors', near);
const session = await client.getSessionRecommend([{FeedbackType: 'read', UserId: 'x', ItemId: 'p0', Timestamp: at(0)}], {cursorOptions: {n: 3}});
check(session.length === 3 && session.every((one) => one.Score !== undefined), 'getSessionRecommend', session);
await fails(client.getUserNeighbors({userId: 'u1'}), 501, 'getUserNeighbors');
await fails(client.getRecommend({userId: 'u1', cursorOptions: {n: 101}}), 400, 'too many', /n: expected/);
for (const path of ['/non-personalized/trending?n=2', '/collaborative-filtering/u1?n=2', '/item-to-item/neighbors/p0?n=2'])
  check((await raw('GET', path)).body.length === 2, path);

// ---- erasure, health, keys
check((await client.deleteUser('ada')) === 1, 'deleteUser');
await fails(client.getUser('ada'), 404, 'and nothing is known of them');
check((await raw('GET', '/health/ready', undefined, {})).body.Ready && (await raw('GET', '/health/live', undefined, {})).body.Ready, 'health');
check((await raw('GET', '/item/p1', undefined, {})).status === 401, 'no key');
check((await raw('GET', '/item/p1', undefined, {'x-api-key': 'wrong'})).type.startsWith('text/plain'), 'a wrong key, in plain text');
check((await raw('POST', '/feedback', 'text')).status === 400 && (await raw('GET', '/no/such')).status === 404, 'bad bodies and paths');
check((await fetch(`${endpoint}/api/v1/status`, {headers: {'x-api-key': adminKey}})).ok, 'the native API is beside it');
finish();
