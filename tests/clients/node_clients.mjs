// Unmodified API clients against a running server, from Node.
//
//   node node_clients.mjs HOST:PORT ADMIN_KEY SEARCH_KEY
import process from 'node:process';
import {algoliasearch} from 'algoliasearch';
import {liteClient} from 'algoliasearch/lite';
import v4 from 'algoliasearch4';
import v4lite from 'algoliasearch4/lite.js';
import {recommendClient} from '@algolia/recommend';
import {check, fails, finish, products, same, settings} from './shop.mjs';

const [url, adminKey, searchKey] = process.argv.slice(2);
const hosts = [{url, accept: 'readWrite', protocol: 'http'}];
const hosts4 = [{url, protocol: 'http'}];
const admin = algoliasearch('shop', adminKey, {hosts});
const shopper = algoliasearch('shop', searchKey, {hosts});
const indexName = 'products';
const wait = async ({taskID}, name = indexName) => admin.waitForTask({indexName: name, taskID});
const one = async (searchParams, name = indexName) => shopper.searchSingleIndex({indexName: name, searchParams});
const ids = (result) => result.hits.map((hit) => hit.objectID);

// ---- v5, full: writing
check(!(await admin.indexExists({indexName})), 'v5 indexExists: not yet');
await fails(one({query: ''}), 404, 'v5 search: an index that does not exist');
for (const task of await admin.saveObjects({indexName, objects: products, batchSize: 25, waitForTasks: true})) check(task.objectIDs.length > 0, `v5 saveObjects: ${task.objectIDs.length} taken`);
check(await admin.indexExists({indexName}), 'v5 indexExists: now it does');
await wait(await admin.setSettings({indexName, indexSettings: settings}));
const echoed = await admin.getSettings({indexName});
same(echoed.searchableAttributes, settings.searchableAttributes, 'v5 getSettings echoes what was set');
await wait(await admin.setSettings({indexName: 'products_price_asc', indexSettings: {ranking: ['asc(price)', 'typo', 'words']}}));
await wait(await admin.setSettings({indexName: 'products_price_desc', indexSettings: {customRanking: ['desc(price)']}}));
for (let i = 0; i < 100 && (await one({facets: ['brand']})).nbHits !== 60; ++i) await new Promise((done) => setTimeout(done, 50));
same(await admin.getObject({indexName, objectID: 'p7'}), products[7], 'v5 getObject: the record comes back as it was');
same((await shopper.getObjects({requests: [{indexName, objectID: 'p1', attributesToRetrieve: ['name']}, {indexName, objectID: 'none'}]})).results,
  [{name: products[1].name, objectID: 'p1'}, null], 'v5 getObjects: chosen attributes, and null for none');
await fails(admin.getObject({indexName, objectID: 'none'}), 404, 'v5 getObject: none');
const odd = {objectID: 'a/b c%ü', name: 'Odd one', type: 'thing', id: 77, time: 'noon', user: 'nobody', 'dotted.name': [1, [2, null]]};
await wait(await admin.addOrUpdateObject({indexName, objectID: odd.objectID, body: odd}));
same(await admin.getObject({indexName, objectID: odd.objectID}), odd, 'v5 addOrUpdateObject: odd ids and names');
await wait(await admin.partialUpdateObject({indexName, objectID: odd.objectID,
  attributesToUpdate: {stock: {_operation: 'Increment', value: 3}, tags: {_operation: 'AddUnique', value: 'x'}, name: 'Even one'}}));
await wait(await admin.partialUpdateObject({indexName, objectID: odd.objectID,
  attributesToUpdate: {stock: {_operation: 'Decrement', value: 1}, tags: {_operation: 'AddUnique', value: 'x'}}}));
same(await admin.getObject({indexName, objectID: odd.objectID}), {...odd, name: 'Even one', stock: 2, tags: ['x']}, 'v5 partialUpdateObject: operations');
await wait(await admin.partialUpdateObject({indexName, objectID: 'ghost', attributesToUpdate: {a: 1}, createIfNotExists: false}));
await fails(admin.getObject({indexName, objectID: 'ghost'}), 404, 'v5 partialUpdateObject: createIfNotExists false makes nothing');
await wait(await admin.deleteObject({indexName, objectID: odd.objectID}));
await fails(admin.getObject({indexName, objectID: odd.objectID}), 404, 'v5 deleteObject');
const added = await admin.saveObject({indexName, body: {name: 'Nameless'}});
check(typeof added.objectID === 'string' && added.objectID.length > 0 && added.createdAt.endsWith('Z'), 'v5 saveObject makes an id');
await wait(added);
await wait(await admin.deleteBy({indexName, deleteByParams: {filters: `objectID:${added.objectID}`}}));
await fails(admin.getObject({indexName, objectID: added.objectID}), 404, 'v5 deleteBy');
const mixed = await admin.batch({indexName, batchWriteParams: {requests: [
  {action: 'addObject', body: {objectID: 'm1', n: 1}}, {action: 'partialUpdateObject', body: {objectID: 'm1', n: {_operation: 'Increment', value: 4}}},
  {action: 'addObject', body: {objectID: 'm2', n: 1}}, {action: 'deleteObject', body: {objectID: 'm2'}}]}});
await wait(mixed);
same(await admin.getObject({indexName, objectID: 'm1'}), {n: 5, objectID: 'm1'}, 'v5 batch: in order, on what was just written');
await fails(admin.getObject({indexName, objectID: 'm2'}), 404, 'v5 batch: deleted at last');
await wait(await admin.deleteObject({indexName, objectID: 'm1'}));
check((await admin.listIndices()).items.some((index) => index.name === indexName && index.entries === 60), 'v5 listIndices');
const browsed = [];
await admin.browseObjects({indexName, browseParams: {hitsPerPage: 25}, aggregator: (page) => browsed.push(...page.hits)});
check(new Set(browsed.map((hit) => hit.objectID)).size === 60, 'v5 browseObjects: each once', browsed.length);

// ---- v5: searching
const found = await one({query: 'kettle', facets: ['brand', 'price'], clickAnalytics: true, hitsPerPage: 5, page: 1,
  highlightPreTag: '__ais-highlight__', highlightPostTag: '__/ais-highlight__'});
check(found.nbHits === 10 && found.nbPages === 2 && found.page === 1 && found.hits.length === 5, 'v5 search: pages', [found.nbHits, found.nbPages]);
check(/^[0-9a-f]{32}$/.test(found.queryID), 'v5 search: queryID', found.queryID);
check(found.hits[0]._highlightResult.name.value.includes('__ais-highlight__Kettle__/ais-highlight__'), 'v5 search: marks', found.hits[0]._highlightResult?.name);
check(found.hits[0]._highlightResult.name.matchedWords[0] === 'kettle', 'v5 search: matchedWords');
check(found.hits[0]._highlightResult.categories.lvl1.matchLevel === 'none', 'v5 search: nested marks');
check(typeof found.hits[0]._snippetResult.description.value === 'string', 'v5 search: snippets', found.hits[0]._snippetResult);
same(Object.values(found.facets.brand).reduce((sum, count) => sum + count, 0), 10, 'v5 search: facet counts');
check(found.facets_stats.price?.min >= 10 && found.facets_stats.price.max < 70, 'v5 search: facets_stats', found.facets_stats);
check(found.hits[0].variants[1].stock === 0 && found.hits[0].nothing === null, 'v5 search: whole records', found.hits[0]);
const rows = [
  [{filters: 'brand:Acme'}, 15], [{filters: 'brand:Acme OR brand:Lux'}, 30], [{filters: 'NOT brand:Acme'}, 45],
  [{filters: 'price < 20'}, 10], [{filters: 'price:10 TO 19 AND free_shipping:true'}, 5], [{filters: '(price<12 OR price>=68)'}, 4],
  [{filters: '"categories.lvl1":"Home > Kitchen"'}, 20], [{filters: "categories.lvl1:'Home > Light'"}, 20], [{filters: 'sizes=37'}, 15],
  [{facetFilters: [['brand:Acme', 'brand:Lux'], 'colors:red']}, undefined], [{facetFilters: 'brand:Nord'}, 15], [{facetFilters: ['brand:-Nord']}, 45],
  [{facetFilters: [['categories.lvl0:Shoes']]}, 20], [{facetFilters: ['rating:5']}, 12], [{numericFilters: ['price>=50', 'price<=59']}, 10],
  [{numericFilters: [['rating=5', 'rating=1']]}, 24], [{tagFilters: ''}, 60], [{query: 'kettel'}, 10], [{query: 'zzzzqqq'}, 0],
  [{facetFilters: ['free_shipping:true']}, 30], [{filters: 'objectID:p3'}, 1],
];
for (const [params, wanted] of rows) {
  const got = (await one(params)).nbHits;
  const count = params.facetFilters?.length === 2 ? products.filter((p) => ['Acme', 'Lux'].includes(p.brand) && p.colors.includes('red')).length : wanted;
  check(got === count, `v5 search: ${JSON.stringify(params)}`, got);
}
for (const bad of [{filters: 'brand:'}, {filters: 'a AND'}, {filters: '(a:b'}, {numericFilters: ['price']}, {facetFilters: ['brand']}])
  await fails(one(bad), 400, `v5 search: wrong ${JSON.stringify(bad)}`);
const cheap = ids(await one({query: '', hitsPerPage: 3}, 'products_price_asc'));
same(cheap, ['p0', 'p1', 'p2'], 'v5 search: a replica sorts');
same(ids(await one({query: '', hitsPerPage: 2}, 'products_price_desc')), ['p59', 'p58'], 'v5 search: a virtual replica sorts');
const both = await shopper.search({requests: [
  {indexName, query: 'boot', facets: ['*'], facetFilters: [['brand:Acme']], clickAnalytics: true, userToken: 'ada'},
  {indexName, query: 'boot', facets: 'brand', hitsPerPage: 0, analytics: false, clickAnalytics: false},
  {indexName, type: 'facet', facet: 'brand', facetQuery: 'ac', maxFacetHits: 5, clickAnalytics: true}]});
check(both.results.length === 3 && Object.keys(both.results[0].facets).includes('categories.lvl1'), 'v5 queries: facets ["*"]', both.results[0].facets);
same(Object.keys(both.results[1].facets), ['brand'], 'v5 queries: facets as one text');
check(both.results[1].hits.length === 0 && both.results[1].nbPages === 0, 'v5 queries: facets only');
check(both.results[2].facetHits.length === 1 && both.results[2].facetHits[0].highlighted === '<em>Ac</em>me' && both.results[2].facetHits[0].count === 15, 'v5 queries: facet values', both.results[2].facetHits);
check((await shopper.searchForFacetValues({indexName, facetName: 'brand', searchForFacetValuesRequest: {facetQuery: 'o'}})).facetHits.length >= 1, 'v5 searchForFacetValues');
const selected = await one({query: 'lamp', attributesToRetrieve: ['name', 'dimensions.unit'], attributesToHighlight: ['brand'], hitsPerPage: 1});
same(Object.keys(selected.hits[0]).filter((key) => key !== '_snippetResult').sort(), ['_highlightResult', 'dimensions', 'name', 'objectID'], 'v5 search: attributesToRetrieve');
same(Object.keys(selected.hits[0]._highlightResult), ['brand'], 'v5 search: attributesToHighlight');
check((await one({query: '', page: 500})).hits.length === 0, 'v5 search: beyond the last page');
check((await one({query: '', offset: 5, length: 3})).hits.length === 3, 'v5 search: offset and length');

// ---- keys
await fails(algoliasearch('shop', 'wrong-key-wrong-key', {hosts}).searchSingleIndex({indexName}), 403, 'a wrong key');
await fails(shopper.saveObject({indexName, body: {objectID: 'x'}}), 403, 'a search key may not write');
await fails(shopper.browse({indexName}), 403, 'a search key may not browse');

const derived = (restrictions) => admin.generateSecuredApiKey({parentApiKey: searchKey, restrictions});
const bound = (key) => algoliasearch('shop', key, {hosts});
const soonOver = Math.floor(Date.now() / 1000) + 600;
const acme = bound(derived({filters: 'brand:Acme', validUntil: soonOver, restrictIndices: ['products*'], hitsPerPage: 3, userToken: 'ada'}));
const seen = await acme.searchSingleIndex({indexName, searchParams: {filters: 'price < 40', hitsPerPage: 50}});
check(seen.nbHits === 8 && seen.hits.length === 3 && seen.hits.every((hit) => hit.brand === 'Acme'), 'a derived key: its filter holds besides the request\'s', [seen.nbHits, seen.hits.length]);
check((await acme.search({requests: [{indexName, query: '', facetFilters: ['brand:Lux']}]})).results[0].nbHits === 0, 'a derived key: in queries');
await fails(acme.searchSingleIndex({indexName, searchParams: {filters: 'a:b) OR (brand:Lux'}}), 400, 'a derived key: no way around its filter');
await fails(acme.searchSingleIndex({indexName: 'other'}), 403, 'a derived key: another index');
await fails(acme.getObject({indexName, objectID: 'p1'}), 403, 'a derived key: no reading by id past its filter');
await fails(acme.saveObject({indexName, body: {}}), 403, 'a derived key: no writing');
await fails(bound(derived({validUntil: 1000})).searchSingleIndex({indexName}), 403, 'a derived key: expired');
await fails(bound(derived({filters: 'brand:Acme'}).slice(0, -4) + 'AAAA').searchSingleIndex({indexName}), 403, 'a derived key: forged');
const made = await admin.addApiKey({acl: ['search'], description: 'landing pages', indexes: ['products'], maxHitsPerQuery: 2, validity: 600});
const shown0 = await admin.waitForApiKey({operation: 'add', key: made.key}).then(() => admin.getApiKey({key: made.key}));
check(shown0.description === 'landing pages' && shown0.acl[0] === 'search' && shown0.indexes[0] === 'products' && shown0.validity > 500, 'v5 addApiKey, waitForApiKey, getApiKey', shown0);
check((await bound(made.key).searchSingleIndex({indexName, searchParams: {hitsPerPage: 30}})).hits.length === 2, 'a made key: its limit of hits');
await fails(bound(made.key).searchSingleIndex({indexName: 'products_price_asc'}), 403, 'a made key: its indexes');
await admin.updateApiKey({key: made.key, apiKey: {acl: ['search', 'browse'], description: 'more'}});
check((await bound(made.key).browse({indexName})).hits.length === 60, 'v5 updateApiKey');
check((await admin.listApiKeys()).keys.some((key) => key.description === 'more'), 'v5 listApiKeys');
await admin.deleteApiKey({key: made.key});
await fails(bound(made.key).searchSingleIndex({indexName}), 403, 'v5 deleteApiKey');

// ---- synonyms and rules
await wait(await admin.saveSynonym({indexName, objectID: 'boiler', synonymHit: {objectID: 'boiler', type: 'synonym', synonyms: ['boiler', 'kettle']}}));
check((await one({query: 'boiler'})).nbHits === 10, 'v5 saveSynonym', (await one({query: 'boiler'})).nbHits);
await wait(await admin.saveSynonyms({indexName, replaceExistingSynonyms: false, synonymHit: [
  {objectID: 'slipper', type: 'onewaysynonym', input: 'slipper', synonyms: ['sandal']}, {objectID: 'pott', type: 'altcorrection2', word: 'pott', corrections: ['teapot']}]}));
check((await one({query: 'slipper'})).nbHits === 10 && (await admin.searchSynonyms({indexName})).nbHits === 3, 'v5 saveSynonyms');
same(await admin.getSynonym({indexName, objectID: 'pott'}), {objectID: 'pott', type: 'altcorrection2', word: 'pott', corrections: ['teapot']}, 'v5 getSynonym');
await fails(admin.saveSynonym({indexName, objectID: 'x', synonymHit: {objectID: 'x', type: 'nonsense'}}), 400, 'v5 saveSynonym: an unknown type');
await wait(await admin.deleteSynonym({indexName, objectID: 'boiler'}));
await fails(admin.getSynonym({indexName, objectID: 'boiler'}), 404, 'v5 deleteSynonym');
await wait(await admin.clearSynonyms({indexName}));
check((await admin.searchSynonyms({indexName})).nbHits === 0, 'v5 clearSynonyms');
const rule = {objectID: 'lamps', description: 'lamps first', enabled: true, conditions: [{pattern: 'lamp', anchoring: 'contains'}],
  consequence: {promote: [{objectID: 'p0', position: 0}], hide: [{objectID: 'p2'}], userData: {note: 'bright'},
    params: {renderingContent: {redirect: {url: 'https://shop.example/lamps'}}}}};
await wait(await admin.saveRule({indexName, objectID: 'lamps', rule}));
same(await admin.getRule({indexName, objectID: 'lamps'}), rule, 'v5 getRule: as it was saved');
const ruled = await one({query: 'lamp'});
check(ids(ruled)[0] === 'p0' && !ids(ruled).includes('p2') && ruled.nbHits === 10, 'v5 rules pin and hide', [ids(ruled), ruled.nbHits]);
check(ruled.userData[0].note === 'bright' && ruled.renderingContent.redirect.url.endsWith('/lamps') && ruled.appliedRules[0].objectID === 'lamps', 'v5 rules have things for the page');
check(ids(await one({query: 'lamp', filters: 'brand:Nord'}))[0] !== 'p0', 'v5 pins respect filters');
check(ids(await one({query: 'lamp', enableRules: false}))[0] !== 'p0', 'v5 enableRules false');
const soon = Math.floor(Date.now() / 1000);
await wait(await admin.saveRules({indexName, clearExistingRules: true, rules: [
  {objectID: 'acme', conditions: [{context: 'landing'}], consequence: {params: {filters: 'brand:Acme', optionalFilters: ['rating:1']}}},
  {objectID: 'past', conditions: [], validity: [{from: 0, until: soon - 60}], consequence: {params: {filters: 'brand:nobody'}}},
  {objectID: 'now', conditions: [{pattern: 'cheap candle', anchoring: 'is'}], validity: [{from: soon - 60, until: soon + 600}], consequence: {params: {query: {remove: ['cheap']}}}}]}));
const landing = await one({ruleContexts: ['landing'], hitsPerPage: 3});
check(landing.nbHits === 15 && landing.hits.every((hit) => hit.rating === 1), 'v5 rules by context: a filter and a lift', landing.hits.map((hit) => [hit.brand, hit.rating]));
check((await one({})).nbHits === 60, 'v5 rules of the past');
check((await one({query: 'cheap candle'})).appliedRules?.[0].objectID === 'now', 'v5 rules of now');
check((await admin.searchRules({indexName, searchRulesParams: {query: 'landing'}})).nbHits === 1, 'v5 searchRules');
await fails(admin.saveRule({indexName, objectID: 'bad', rule: {objectID: 'bad', conditions: [{pattern: 'x', anchoring: 'near'}], consequence: {}}}), 400, 'v5 saveRule: a wrong one');
await wait(await admin.deleteRule({indexName, objectID: 'acme'}));
await wait(await admin.clearRules({indexName}));
check((await admin.searchRules({indexName})).nbHits === 0, 'v5 clearRules');

// ---- zero downtime
const fewer = products.slice(0, 40).map((product) => ({...product, name: `${product.name} anew`}));
await admin.replaceAllObjects({indexName, objects: fewer, batchSize: 20});
check((await one({})).nbHits === 40, 'v5 replaceAllObjects: the new catalogue', (await one({})).nbHits);
same((await admin.getSettings({indexName})).replicas, settings.replicas, 'v5 replaceAllObjects: replicas are kept');
same(ids(await one({hitsPerPage: 1}, 'products_price_asc')), ['p0'], 'v5 replaceAllObjects: replicas sort the new catalogue');
await admin.replaceAllObjects({indexName, objects: products, batchSize: 60});
check((await one({})).nbHits === 60, 'v5 replaceAllObjects: back', (await one({})).nbHits);

// ---- lite, gzip, v4
const lite = liteClient('shop', searchKey, {hosts});
check((await lite.search({requests: [{indexName, query: 'teapot'}]})).results[0].nbHits === 10, 'v5 lite search');
check((await lite.search([{indexName, params: {query: 'teapot', hitsPerPage: 2}}])).results[0].hits.length === 2, 'v5 lite search in the older shape');
const zipped = algoliasearch('shop', adminKey, {hosts, compression: 'gzip'});
await wait(await zipped.saveObject({indexName, body: {objectID: 'big', text: 'word '.repeat(500)}}));
check((await admin.getObject({indexName, objectID: 'big'})).text.length === 2500, 'v5 with compression');
const old = v4('shop', adminKey, {hosts: hosts4}).initIndex(indexName);
await old.deleteObject('big').wait();
const searched = await old.search('kettle', {facets: ['brand'], facetFilters: [['brand:Acme', 'brand:Lux']], hitsPerPage: 4});
check(searched.nbHits === 5 && searched.hits.length === 4 && searched.facets.brand.Acme === 5, 'v4 search', [searched.nbHits, searched.facets]);
await old.saveObjects([{objectID: 'v4', name: 'Old', n: 1}]).wait();
await old.partialUpdateObject({objectID: 'v4', n: {_operation: 'Increment', value: 1}}).wait();
same(await old.getObject('v4'), {objectID: 'v4', name: 'Old', n: 2}, 'v4 saveObjects, partialUpdateObject, getObject');
await old.deleteObjects(['v4']).wait();
await fails(old.getObject('v4'), 404, 'v4 deleteObjects');
check((await old.searchForFacetValues('brand', 'lu')).facetHits[0].value === 'Lux', 'v4 searchForFacetValues');
await old.setSettings({hitsPerPage: 20}, {forwardToReplicas: true}).wait();
check((await old.getSettings()).hitsPerPage === 20, 'v4 setSettings, getSettings');
let pages = 0;
await old.browseObjects({query: '', batch: (batch) => (pages += batch.length)});
check(pages === 60, 'v4 browseObjects', pages);
await old.saveRule({objectID: 'v4', condition: {pattern: 'boot', anchoring: 'is'}, consequence: {promote: [{objectID: 'p1', position: 0}]}}).wait();
check((await old.search('boot')).hits[0].objectID === 'p1', 'v4 saveRule');
await old.saveSynonyms([{objectID: 's4', type: 'synonym', synonyms: ['clog', 'sandal']}], {replaceExistingSynonyms: true}).wait();
check((await old.search('clog')).nbHits === 10, 'v4 saveSynonyms');
await old.clearRules().wait();
await old.clearSynonyms().wait();
await old.replaceAllObjects(products, {safe: true});
check((await old.search('')).nbHits === 60, 'v4 replaceAllObjects');
const lite4 = v4lite('shop', searchKey, {hosts: hosts4});
const several = await lite4.multipleQueries([{indexName, query: 'sandal', params: {hitsPerPage: 1}}, {indexName: 'products_price_asc', query: ''}]);
check(several.results[0].nbHits === 10 && several.results[1].hits[0].objectID === 'p0', 'v4 lite multipleQueries');
check((await lite4.searchForFacetValues([{indexName, params: {facetName: 'brand', facetQuery: 'no'}}]))[0].facetHits[0].value === 'Nord', 'v4 lite searchForFacetValues');

// ---- events, and what they teach
const insights = shopper.initInsights({options: {hosts}});
const shown = await one({query: 'kettle', clickAnalytics: true, userToken: 'ada'});
const now = Date.now();
const events = [
  {eventType: 'view', eventName: 'Hits Viewed', index: indexName, userToken: 'ada', objectIDs: ids(shown), algoliaSource: ['instantsearch']},
  {eventType: 'click', eventName: 'Hit Clicked', index: indexName, userToken: 'ada', objectIDs: [ids(shown)[1]], positions: [2], queryID: shown.queryID, timestamp: now},
  {eventType: 'conversion', eventSubtype: 'addToCart', eventName: 'Added', index: indexName, userToken: 'ada', objectIDs: [ids(shown)[1]], queryID: shown.queryID,
    objectData: [{price: '19.5', quantity: 2}], currency: 'EUR'},
  {eventType: 'conversion', eventSubtype: 'purchase', eventName: 'Bought', index: indexName, userToken: 'ada', authenticatedUserToken: 'customer-1',
    objectIDs: [ids(shown)[1], 'p1'], objectData: [{price: 19.5, quantity: 2, queryID: shown.queryID}, {price: 11, quantity: 1}], value: 50, currency: 'EUR'},
  {eventType: 'click', eventName: 'Filter', index: indexName, userToken: 'ada', filters: ['brand%3AAcme']},
  {eventType: 'instantsearch', eventName: 'x', userToken: 'ada'},
];
same((await insights.pushEvents({events})).status, 200, 'v5 pushEvents');
const suggested = {index: 'products_query_suggestions', userToken: 'typist', objectIDs: ['red kettle']};
same((await insights.pushEvents({events: [
  {...suggested, eventType: 'view', eventName: 'Items Viewed', algoliaSource: ['autocomplete']},
  {...suggested, eventType: 'click', eventName: 'Item Selected', algoliaSource: ['autocomplete']}]})).status, 200, 'events about suggestions are taken');
check((await fetch(`http://${url}/api/v1/users/typist`, {headers: {'x-api-key': adminKey}})).status === 404, 'but queries are no products');
await fails(insights.pushEvents({events: [{eventType: 'click', eventName: 'x', index: indexName, userToken: 'ada'}]}), 422, 'v5 pushEvents: nothing usable');
const many = [];
for (let user = 0; user < 30; ++user)
  for (const item of [user % 3 ? 'p6' : 'p7', 'p12', 'p18']) many.push({eventType: 'conversion', eventSubtype: 'purchase', eventName: 'b', index: indexName, userToken: `u${user}`, objectIDs: [item]});
for (let user = 0; user < 30; ++user)
  many.push({eventType: 'conversion', eventSubtype: 'purchase', eventName: 'basket', index: indexName, userToken: `u${user}`, objectIDs: ['p24', 'p30'], timestamp: now});
await insights.pushEvents({events: many});
await new Promise((done) => setTimeout(done, 500));
const recommend = recommendClient('shop', searchKey, {hosts});
const asked = {indexName, threshold: 0, maxRecommendations: 4};
const models = await recommend.getRecommendations({requests: [
  {...asked, model: 'bought-together', objectID: 'p24'}, {...asked, model: 'related-products', objectID: 'p6'},
  {...asked, model: 'looking-similar', objectID: 'p6', queryParameters: {filters: 'brand:Acme'}}, {...asked, model: 'trending-items'},
  {...asked, model: 'trending-facets', facetName: 'brand'},
  {...asked, model: 'recommended-for-you', queryParameters: {userToken: 'ada', clickAnalytics: true}},
  {...asked, model: 'related-products', objectID: 'p59', fallbackParameters: {}}]});
check(models.results.length === 7, 'recommend: an answer for each');
check(models.results[0].hits.some((hit) => hit.objectID === 'p30'), 'recommend: bought together', ids(models.results[0]));
check(models.results[1].hits.length > 0 && models.results[1].hits[0]._score <= 100 && typeof models.results[1].hits[0].name === 'string', 'recommend: related');
check(models.results[2].hits.every((hit) => hit.brand === 'Acme'), 'recommend: under a filter', models.results[2].hits.map((hit) => hit.brand));
check(models.results[3].hits.length === 4, 'recommend: trending');
check(models.results[4].hits.length > 0 && models.results[4].hits[0].facetName === 'brand', 'recommend: trending facets', models.results[4].hits);
check(models.results[5].hits.length > 0 && /^[0-9a-f]{32}$/.test(models.results[5].queryID), 'recommend: for you, with a queryID');
check(models.results[6].hits.length > 0, 'recommend: the fallback fills', models.results[6].hits.length);
await fails(recommend.getRecommendations({requests: [{...asked, model: 'no-such', objectID: 'p1'}]}), 400, 'recommend: an unknown model');
await fails(recommend.getRecommendations({requests: [{...asked, model: 'related-products'}]}), 400, 'recommend: no objectID');
check((await lite.getRecommendations({requests: [{...asked, model: 'trending-items'}]})).results[0].hits.length === 4, 'v5 lite getRecommendations');
check((await fetch(`http://${url}/1/isalive`)).ok, 'isalive');
// ---- what was searched for, by the analytics client
const analytics = admin.initAnalytics({region: 'us', options: {hosts}});
let top;
for (let i = 0; i < 100; ++i) {
  await admin.searchSingleIndex({indexName, searchParams: {query: 'nothingofthekind', userToken: `an${i}`, clickAnalytics: true}});
  top = await analytics.getTopSearches({index: indexName, clickAnalytics: true, limit: 100});
  if (top.searches.some((one) => one.search === 'nothingofthekind')) break;
  await new Promise((done) => setTimeout(done, 50));
}
check(top.searches.every((one) => one.count > 0 && 'clickThroughRate' in one), 'top searches', top.searches.slice(0, 3));
check(top.searches.some((one) => one.search === 'nothingofthekind'), 'know of the last one', top.searches.slice(0, 3));
check((await analytics.getSearchesCount({index: indexName})).count >= top.searches.length, 'their count');
const rate = await analytics.getNoResultsRate({index: indexName});
check(rate.rate >= 0 && rate.rate <= 1 && rate.dates.length > 0, 'a rate without results', rate);
check(Array.isArray((await analytics.getSearchesNoResults({index: indexName})).searches), 'searches without results');
check((await analytics.getClickThroughRate({index: indexName})).trackedSearchCount > 0, 'a click-through rate');
check((await analytics.getClickPositions({index: indexName})).positions.length === 8, 'positions of clicks');
check((await analytics.getConversionRate({index: indexName, startDate: '2001-01-01', endDate: '2001-01-02'})).rate === null, 'without traffic there is no rate');
await fails(analytics.getTopSearches({index: indexName, startDate: 'soon'}), 400, 'a date that is none');
await fails(shopper.initAnalytics({region: 'us', options: {hosts}}).getTopSearches({index: indexName}), 403, 'a page may not read what people typed');

finish();
