// Unmodified storefront widgets in a real browser, on a page of another origin than the server.
//
//   node browser_clients.mjs HOST:PORT ADMIN_KEY SEARCH_KEY      exit 77: there is no chromium
import {existsSync} from 'node:fs';
import {createServer} from 'node:http';
import path from 'node:path';
import process from 'node:process';
import {algoliasearch} from 'algoliasearch';
import {build} from 'esbuild';
import {chromium} from 'playwright-core';
import {check, finish, products, same, settings} from './shop.mjs';

const [host, adminKey, searchKey] = process.argv.slice(2);
const browserPath = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((file) => file && existsSync(file));
if (!browserPath) {
  console.log('skipped: no chromium; install it with tools/install.sh test');
  process.exit(77);
}

// ---- the catalogue, and some history to recommend from
const indexName = 'products';
const admin = algoliasearch('shop', adminKey, {hosts: [{url: host, accept: 'readWrite', protocol: 'http'}]});
const withoutPictures = products.map(({image, ...product}) => product);
await admin.saveObjects({indexName, objects: withoutPictures, waitForTasks: true});
// By words alone: what models add to a result, once they know enough, is not for counting.
const last = await admin.setSettings({indexName, indexSettings: {...settings, maxValuesPerFacet: 20, mode: 'keywordSearch'}});
await admin.waitForTask({indexName, taskID: last.taskID});
await admin.setSettings({indexName: 'products_price_asc', indexSettings: {ranking: ['asc(price)']}});
const events = [];
for (let user = 0; user < 20; ++user)
  for (const item of ['p0', 'p1', 'p6', 'p12'])
    events.push({eventType: 'conversion', eventSubtype: 'purchase', eventName: 'b', index: indexName, userToken: `u${user}`, objectIDs: [item, 'p7']});
await admin.initInsights({options: {hosts: [{url: host, accept: 'readWrite', protocol: 'http'}]}}).pushEvents({events});
for (let i = 0; i < 100; ++i) {
  const {hits} = await admin.searchSingleIndex({indexName, searchParams: {query: 'kettle', facets: ['brand']}});
  if (hits.length === 10) break;
  await new Promise((done) => setTimeout(done, 50));
}

// ---- the page
const bundle = async (entry) => {
  const made = await build({entryPoints: [entry], bundle: true, write: false, format: 'iife', logLevel: 'silent',
    define: {'process.env.NODE_ENV': '"production"'}});
  return made.outputFiles[0].text;
};
const scripts = {};
for (const name of ['widgets', 'suggest', 'react']) scripts[`/${name}.js`] = await bundle(`pages/${name}.mjs`);
const html = (script) => `<!doctype html><meta charset="utf-8"><title>shop</title><link rel="icon" href="data:,"><body>
<script>window.shop = ${JSON.stringify({host, searchKey, indexName})}</script><script src="${script}"></script>`;
const pages = createServer((request, response) => {
  const {pathname} = new URL(request.url, 'http://localhost');
  if (scripts[pathname]) return response.setHeader('content-type', 'text/javascript; charset=utf-8').end(scripts[pathname]);
  response.setHeader('content-type', 'text/html; charset=utf-8').end(html(`/${path.basename(pathname)}.js`));
});
await new Promise((done) => pages.listen(0, 'localhost', done));
const origin = `http://localhost:${pages.address().port}`;

const browser = await chromium.launch({executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu']});
// `delays`: path -> milliseconds by which its answers come later.
async function open(name, delays = {}) {
  const page = await (await browser.newContext({viewport: {width: 1400, height: 1000}})).newPage();
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) check(false, `${name}: console: ${message.text()}`);
  });
  page.on('pageerror', (error) => check(false, `${name}: ${error}`));
  for (const [route, delay] of Object.entries(delays)) {
    await page.route(`**${route}*`, async (asked) => {
      await new Promise((done) => setTimeout(done, delay));
      await asked.continue();
    });
  }
  page.sent = [];
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.host === host) page.sent.push({path: to.pathname, body: request.postData()});
    else if (to.origin !== origin && to.protocol !== 'data:') check(false, `${name}: asked elsewhere: ${to}`);
  });
  page.on('response', (response) => {
    if (new URL(response.url()).host === host) check(response.status() === 200, `${name}: ${new URL(response.url()).pathname} is answered`, response.status());
  });
  await page.goto(`${origin}/${name}`);
  return page;
}
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent.trim()));
const becomes = async (page, holds) => {
  for (let i = 0; i < 300; ++i) {
    if (await holds()) return true;
    await page.waitForTimeout(50);
  }
  return false;
};
const settled = (page, selector, wanted) => becomes(page, async () => wanted(await texts(page, selector)));
const eventsOf = (page) => page.sent.filter((one) => one.path === '/1/events').flatMap((one) => JSON.parse(one.body).events);

// ---- whichever answer comes first
const shows = async (page, widget) => check(await settled(page, `#${widget}`, ([text]) => text?.length > 0), `widget ${widget} shows something`);
for (const slow of ['/queries', '/recommendations']) {
  const page = await open('widgets', {[slow]: 400});
  for (const widget of ['hits', 'cheap', 'dynamic', 'trending', 'related', 'bought', 'similar']) await shows(page, widget);
  await page.close();
}

// ---- a shopper
const page = await open('widgets');
await page.waitForSelector('#hits .ais-Hits-item');
check(await settled(page, '#stats', ([text]) => /60 results/.test(text)), 'stats', await texts(page, '#stats'));
for (const widget of ['brand', 'tree', 'menu', 'toggle', 'rating', 'numeric', 'range-input', 'range-slider', 'pagination', 'sort', 'per-page', 'dynamic', 'menu-select',
  'trending', 'related', 'bought', 'similar', 'cheap'])
  await shows(page, widget);
check((await texts(page, '#trending li')).every((text) => text.length > 3), 'recommended products have names', await texts(page, '#trending li'));
const clear = async (left = 60) => {
  await page.click('#clear button');
  check(await settled(page, '#stats', ([text]) => text.startsWith(`${left} results`)), 'clear refinements', await texts(page, '#stats'));
};
await page.fill('#box input[type=search]', 'kettle');
check(await settled(page, '#stats', ([text]) => /^10 results/.test(text)), 'search as you type', await texts(page, '#stats'));
check((await texts(page, '#hits mark'))[0]?.toLowerCase() === 'kettle', 'what was found is marked', await texts(page, '#hits mark'));
await page.click('#brand label:has-text("Acme")');
check(await settled(page, '#stats', ([text]) => /^5 results/.test(text)), 'a facet is chosen', await texts(page, '#stats'));
check((await texts(page, '#brand li')).length === 2, 'the facet still shows the others', await texts(page, '#brand li'));
check((await texts(page, '#current')).join().includes('Acme'), 'current refinements');
await clear(10);
await page.fill('#box input[type=search]', '');
check(await settled(page, '#stats', ([text]) => /^60 results/.test(text)), 'an empty query is everything');
await page.fill('#brand input[type=search]', 'os');
check(await settled(page, '#brand li', (all) => all.length === 1 && all[0].startsWith('Oslo')), 'search within a facet', await texts(page, '#brand li'));
await page.fill('#brand input[type=search]', '');
await page.click('#tree a:has-text("Home")');
check(await settled(page, '#stats', ([text]) => /^40 results/.test(text)), 'a hierarchical menu', await texts(page, '#stats'));
await page.click('#tree a:has-text("Kitchen")');
check(await settled(page, '#stats', ([text]) => /^20 results/.test(text)), 'its second level', await texts(page, '#stats'));
check((await texts(page, '#breadcrumb')).join().includes('Kitchen'), 'breadcrumb');
await clear();
await page.fill('#range-input input >> nth=0', '60');
await page.click('#range-input button');
check(await settled(page, '#stats', ([text]) => /^10 results/.test(text)), 'a range', await texts(page, '#stats'));
await clear();
await page.click('#toggle input');
check(await settled(page, '#stats', ([text]) => /^30 results/.test(text)), 'a toggle', await texts(page, '#stats'));
await clear();
await page.click('#rating a >> nth=0');
check(await settled(page, '#stats', ([text]) => /^24 results/.test(text)), 'a rating menu', await texts(page, '#stats'));
await clear();
await page.click('#numeric label:has-text("below 20")');
check(await settled(page, '#stats', ([text]) => /^11 results/.test(text)), 'a numeric menu', await texts(page, '#stats'));
await clear();
await page.selectOption('#sort select', 'products_price_asc');
check(await settled(page, '#hits .name', (all) => all[0]?.endsWith('Kettle 0') && all[1]?.endsWith('Teapot 1')), 'sorting', (await texts(page, '#hits .name')).slice(0, 3));
await page.click('#pagination a:has-text("2")');
check(await settled(page, '#hits .name', (all) => all[0]?.endsWith(' 20')), 'the second page', (await texts(page, '#hits .name')).slice(0, 3));
await page.selectOption('#per-page select', '5');
check(await settled(page, '#hits .name', (all) => all.length === 5), 'hits per page');
await page.fill('#box input[type=search]', 'zzzzzz');
check(await settled(page, '#stats', ([text]) => /^No results/.test(text)), 'no results');
await page.fill('#box input[type=search]', 'boot');
check(await settled(page, '#hits .name', (all) => all.length === 5 && all.every((name) => name.includes('Boot'))), 'found again', await texts(page, '#hits .name'));
await page.click('#hits button >> nth=1');
const isView = (event) => event.eventType === 'view' && event.objectIDs?.length > 0;
const isClick = (event) => event.eventType === 'click' && event.objectIDs;
await becomes(page, () => eventsOf(page).some(isView) && eventsOf(page).some(isClick));
const sent = eventsOf(page);
check(sent.some(isView), 'views are sent');
check(sent.some((event) => event.eventType === 'click' && event.filters), 'chosen filters are sent');
const clicked = sent.find(isClick);
check(/^[0-9a-f]{32}$/.test(clicked?.queryID) && clicked.positions[0] === 2, 'a click bears its query and place', clicked);
check((await page.evaluate(() => window.insightsResults)).every((one) => one !== false), 'every event was taken');
await page.close();

// ---- a box with suggestions, of queries that several shoppers have searched for
for (let user = 0; user < 8; ++user)
  for (const query of ['kettle', 'red kettle', 'boot'])
    await admin.searchSingleIndex({indexName, searchParams: {query, userToken: `s${user}`}});
const suggest = await open('suggest');
const queries = '[data-autocomplete-source-id="querySuggestionsPlugin"] .aa-Item';
const inBox = '[data-autocomplete-source-id="products"] .product';
await suggest.click('.aa-Input');
check(await settled(suggest, queries, (all) => all.some((text) => text.includes('boot'))), 'an empty box suggests what is searched for', await texts(suggest, queries));
await suggest.keyboard.type('kett', {delay: 30});
check(await settled(suggest, queries, (all) => all.length > 0 && all[0].includes('kettle')), 'queries are suggested', await texts(suggest, queries));
check(await settled(suggest, inBox, (all) => all.length === 3 && all.every((name) => /Kettle/.test(name))), 'products are suggested', await texts(suggest, inBox));
check((await texts(suggest, `${inBox} mark`))[0] === 'Kettle', 'and what was found is marked', await texts(suggest, `${inBox} mark`));
check((await suggest.$$eval(`${queries} mark`, (all) => all.map((one) => one.textContent)))[0] === 'le', 'what a suggestion would add is marked');
await suggest.click(`${queries} button >> nth=0`);
check(await becomes(suggest, async () => (await suggest.inputValue('.aa-Input')) === 'kettle '), 'a suggestion fills the box', await suggest.inputValue('.aa-Input'));
check(await settled(suggest, inBox, (all) => all.length === 3 && all.every((name) => /Kettle/.test(name))), 'and is searched for', await texts(suggest, inBox));
const second = (await texts(suggest, inBox))[1];
await suggest.click(`${inBox} >> nth=1`);
const isChoice = (event) => event.eventType === 'click' && event.index === indexName;
const isLook = (event) => event.eventType === 'view' && event.index === indexName;
await becomes(suggest, () => eventsOf(suggest).some(isChoice) && eventsOf(suggest).some(isLook));
const chosen = eventsOf(suggest).find(isChoice);
check(/^[0-9a-f]{32}$/.test(chosen?.queryID) && chosen.positions[0] === 2, 'a chosen product is reported with its query and place', chosen);
check(products.find((product) => product.objectID === chosen?.objectIDs[0])?.name === second, 'and is the one clicked on', [chosen, second]);
check(eventsOf(suggest).some(isLook), 'suggested products are reported as seen');
await suggest.close();

// ---- React
for (const slow of ['/queries', '/recommendations']) {
  const late = await open('react', {[slow]: 400});
  for (const widget of ['hits', 'cheap', 'dynamic', 'trending', 'related', 'bought', 'similar']) await shows(late, widget);
  await late.close();
}
const react = await open('react');
const hasResults = (wanted) => settled(react, '#stats', ([text]) => text?.startsWith(`${wanted} results`));
const clearReact = async (left) => {
  await react.click('#clear button');
  check(await hasResults(left), 'React: clear', await texts(react, '#stats'));
};
check(await hasResults(60), 'React: stats', await texts(react, '#stats'));
for (const widget of ['brand', 'tree', 'menu', 'range', 'toggle', 'dynamic', 'hits', 'pagination', 'cheap', 'trending', 'related', 'bought', 'similar']) await shows(react, widget);
await react.fill('.ais-SearchBox-input', 'lamp');
check(await hasResults(10), 'React: search as you type', await texts(react, '#stats'));
check((await texts(react, '#hits mark'))[0] === 'Lamp', 'React: what was found is marked');
await react.click('#brand label:has-text("Nord")');
check(await hasResults(5), 'React: a facet', await texts(react, '#stats'));
check((await texts(react, '#current')).join().includes('Nord'), 'React: current refinements');
await react.selectOption('.ais-SortBy-select', 'products_price_asc');
check(await settled(react, '#hits .name', (all) => all[0]?.endsWith('Lamp 2')), 'React: sorting', await texts(react, '#hits .name'));
await clearReact(10);
await react.fill('.ais-SearchBox-input', '');
check(await hasResults(60), 'React: everything again');
await react.click('#tree a:has-text("Home")');
check(await hasResults(40), 'React: a hierarchical menu', await texts(react, '#stats'));
await react.click('#tree a:has-text("Light")');
check(await hasResults(20), 'React: its second level', await texts(react, '#stats'));
check((await texts(react, '#breadcrumb')).join().includes('Light'), 'React: breadcrumb');
await clearReact(60);
await react.click('#toggle input');
check(await hasResults(30), 'React: a toggle', await texts(react, '#stats'));
await clearReact(60);
await react.click('#pagination a:has-text("2")');
check(await settled(react, '#hits .name', (all) => all[0]?.endsWith(' 10')), 'React: the second page', (await texts(react, '#hits .name')).slice(0, 2));
await react.click('#cheap .ais-InfiniteHits-loadMore');
check(await settled(react, '#cheap .name', (all) => all.length === 6), 'React: more of an endless list', await texts(react, '#cheap .name'));
await react.click('#hits button >> nth=2');
const ofReact = () => eventsOf(react).find((event) => event.eventType === 'click' && event.objectIDs);
await becomes(react, () => ofReact() !== undefined);
check(/^[0-9a-f]{32}$/.test(ofReact()?.queryID) && ofReact().positions[0] === 13, 'React: a click bears its query and place', ofReact());
for (const shelf of ['trending', 'related', 'bought', 'similar'])
  check([3, 4].includes((await texts(react, `#${shelf} .product`)).length), `React: ${shelf}`, await texts(react, `#${shelf}`));
await react.close();

await browser.close();
pages.close();
finish();
