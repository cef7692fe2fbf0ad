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
const last = await admin.setSettings({indexName, indexSettings: {...settings, maxValuesPerFacet: 20}});
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
const scripts = {'/widgets.js': await bundle('pages/widgets.mjs')};
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
  page.setDefaultTimeout(15_000);
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

await browser.close();
pages.close();
finish();
