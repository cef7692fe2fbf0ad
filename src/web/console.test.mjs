// Walks through the console in a real browser, view by view, and fails on anything a person would notice.
//
//   node console.test.mjs URL [folder for pictures]      CHROMIUM names the browser; exit 77: there is none
//   KEYED='URL ADMIN_KEY READ_KEY' in the environment: another server, that asks for keys
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import process from 'node:process';
import {gzipSync} from 'node:zlib';
import {browse} from './browser.test.mjs';

const [url, pictures] = process.argv.slice(2);
const {open, check, accessible, picture, finish} = await browse(url, pictures);
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent.trim()));
const api = async (method, path, body) => {
  const answer = await fetch(new URL(path, url), {method, ...(body === undefined ? {} : {body: JSON.stringify(body), headers: {'content-type': 'application/json'}})});
  return answer.json();
};
const goto = async (page, view, wanted) => {
  await page.goto(`${url}#/${view}`);
  await page.waitForSelector(wanted);
};
const says = async (page, wanted) => {
  await page.waitForFunction((text) => [...document.querySelectorAll('.said')].some((one) => one.textContent.includes(text)), wanted);
  return check(true, `it says "${wanted}"`);
};

// What there is to see: a query that finds nothing, a refused event, a shopper who does something.
for (const user of ['ada', 'bob', 'cleo', 'dan', 'eve', 'fay']) await api('POST', '/api/v1/search', {query: 'xylophone', semantic: 'off', user});
await api('POST', '/api/v1/events', {type: 'view', user: 'ada', item: 'p000001', price: 'cheap'});
const clicks = setInterval(() => void api('POST', '/api/v1/events', {type: 'view', user: 'ada', session: 's', item: `p00000${Math.floor(Math.random() * 10)}`}).catch(() => undefined), 250);

{
  const page = await open('desk', {viewport: {width: 1440, height: 1000}, colorScheme: 'light'});
  await page.goto(url);
  await page.waitForSelector('.stats .stat');
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN);
  console.log(`first contentful paint after ${paint.toFixed(0)} ms`);
  await page.waitForSelector('.dot.on');
  check(true, 'the live stream is connected');
  check((await page.$$('.plot canvas')).length === 4, 'four curves are drawn');
  await page.waitForSelector('td code');
  check((await texts(page, 'td code')).includes('/api/v1/search'), 'answer times by route');
  await page.waitForTimeout(2500);
  await picture(page, 'console-overview');
  await accessible(page, 'overview');

  await goto(page, 'playground', '.ranks li');
  await page.getByLabel('Query').fill('runing sho');
  await page.waitForFunction(() => [...document.querySelectorAll('.what')].filter((one) => one.textContent.includes('Running Shoes')).length >= 2);
  await page.locator('.ranks summary').first().click();
  check((await texts(page, '.parts li')).length >= 3, 'a place shows what its score is made of');
  await picture(page, 'console-playground');
  await accessible(page, 'playground');

  await goto(page, 'relevance', '.form');
  const before = (await api('GET', '/api/v1/settings')).version;
  await page.getByLabel('Weight of title').fill('7');
  await page.getByRole('button', {name: 'Add facet'}).click();
  await page.getByRole('region', {name: 'Facet'}).getByLabel('Attribute', {exact: true}).last().fill('rating');
  await page.getByLabel('Note').fill('a facet more');
  await page.getByRole('button', {name: 'Stage'}).click();
  await page.waitForFunction(() => [...document.querySelectorAll('td b')].some((one) => one.textContent === 'facets'));
  await picture(page, 'console-relevance', true);
  await accessible(page, 'relevance as a form');
  const diff = await api('GET', '/api/v1/settings/diff');
  check(diff.changes.find((one) => one.name === 'searchable').after.find((one) => one.name === 'title').weight === 7
    && diff.changes.find((one) => one.name === 'facets').after.at(-1).name === 'rating' && diff.changes.length === 2, 'a form stages what it says and nothing else');
  await page.getByRole('button', {name: 'Throw away'}).click();
  await says(page, 'Thrown away');
  await page.getByRole('tab', {name: 'JSON'}).click();
  await page.waitForSelector('textarea');
  const text = JSON.parse(await page.locator('textarea').inputValue());
  await page.locator('textarea').fill(JSON.stringify({...text, popularity_weight: 'much'}));
  page.expected = /400/;
  await page.getByRole('button', {name: 'Stage'}).click();
  await page.waitForSelector('.said .bad');
  check((await texts(page, '.said .bad'))[0].includes('popularity_weight'), 'a wrong setting is named');
  page.expected = undefined;
  await page.locator('textarea').fill(JSON.stringify({...text, popularity_weight: 0.4}, undefined, 2));
  await page.getByRole('button', {name: 'Stage'}).click();
  await page.waitForSelector('text=What would change').catch(() => undefined);
  await page.waitForFunction(() => [...document.querySelectorAll('td b')].some((one) => one.textContent === 'popularity_weight'));
  check((await api('GET', '/api/v1/settings')).version === before, 'staging changes nothing');
  await picture(page, 'console-relevance-json');
  await accessible(page, 'relevance');
  await page.getByRole('button', {name: 'Publish'}).first().click();
  await says(page, 'is published');
  check((await api('GET', '/api/v1/settings')).settings.popularity_weight === 0.4, 'published settings hold');
  await page.getByRole('button', {name: 'Roll back to it'}).first().click();
  await page.waitForFunction(async (version) => (await (await fetch('/api/v1/settings')).json()).version === version, before);
  check(true, 'and can be rolled back');

  await goto(page, 'analytics', '.stats .stat');
  await page.waitForFunction(() => [...document.querySelectorAll('td')].some((one) => one.textContent === 'xylophone'));
  check(true, 'a query without results is listed');
  await page.waitForSelector('text=Searched most');
  await picture(page, 'console-analytics', true);
  await accessible(page, 'analytics');
  await page.getByRole('button', {name: 'Make a synonym for xylophone'}).click();
  await page.getByLabel('these words').fill('building set');
  await page.getByRole('button', {name: 'Add'}).click();
  await says(page, 'Kept');
  check((await api('POST', '/api/v1/search', {query: 'xylophone', semantic: 'off', record: false})).found > 0, 'and finds something after one click and a word');

  if ((await (await fetch(new URL('/openapi.yaml', url))).text()).includes('  /api/v1/experiments:')) {
    await api('POST', '/api/v1/settings/staged', {popularity_weight: 0.6});
    await goto(page, 'experiments', '.empty');
    await page.getByRole('button', {name: 'New experiment'}).click();
    await page.getByLabel('Name').fill('popular-first');
    await page.getByLabel('Why').fill('does it help to show first what many like, also when the reason for it is rather long?');
    await accessible(page, 'a new experiment');
    await page.getByRole('button', {name: 'Define it'}).click();
    await page.waitForSelector('text=not begun');
    await page.getByRole('button', {name: 'Start', exact: true}).click();
    await says(page, 'It runs');
    for (let i = 0; i < 240; ++i) {
      const user = `x${i % 60}`;
      const found = await api('POST', '/api/v1/search', {query: ['shoe', 'mug', 'lamp'][i % 3], user});
      if (i % 3 === 0) await api('POST', '/api/v1/events', {type: 'click', user, item: found.items[i % 4].item, query_id: found.query_id});
    }
    await page.waitForFunction(() => [...document.querySelectorAll('.stat')].some((one) => one.textContent.endsWith('searches, variant') && Number.parseInt(one.textContent, 10) > 0));
    const told = await api('GET', '/api/v1/experiments/popular-first');
    check(told.results.searches.variant > 0 && (await texts(page, 'main p')).some((one) => one.includes(told.results.reason)), 'an experiment says what it has found');
    await picture(page, 'console-experiment', true);
    await accessible(page, 'an experiment');
    await page.getByRole('button', {name: 'Stop'}).click();
    await says(page, 'Stopped');
    await page.getByRole('button', {name: 'Remove'}).click();
    await page.waitForFunction(() => location.hash === '#/experiments');
  } else {
    console.log('left out: this server has no experiments');
  }

  await goto(page, 'synonyms', 'tbody tr');
  check((await texts(page, 'tbody tr')).some((row) => row.includes('xylophone')), 'the synonym is listed');
  await picture(page, 'console-synonyms');
  await accessible(page, 'synonyms');

  await goto(page, 'rules', '.empty');
  await picture(page, 'console-rules-empty');
  const shown = (await api('POST', '/api/v1/search', {query: 'mug', record: false, count: 10})).items.map((one) => one.item);
  page.expected = /400/;  // Half a rule is tried too, where the machine is slower than the form is filled.
  await page.getByRole('button', {name: 'New rule'}).click();
  await page.getByLabel('Name', {exact: true}).fill('mugs');
  await page.getByLabel('Words of the query').fill('mug');
  await page.getByRole('button', {name: 'Add pin'}).click();
  await page.getByLabel('Product at a place').fill(shown[4]);
  await page.getByLabel('Hide these products').fill(shown[0]);
  await page.getByRole('button', {name: 'Add span'}).click();
  await page.getByLabel('From').fill('2020-01-02T03:04');
  await page.waitForFunction((first) => document.querySelectorAll('.inner .ranks')[1]?.querySelector('small')?.textContent.startsWith(first), shown[4]);
  check((await texts(page, '.inner .ranks small')).filter((one) => one.startsWith(shown[0])).length === 1, 'a rule is tried before it is kept');
  check((await api('GET', '/api/v1/rules')).rules.length === 0, 'and trying keeps nothing');
  await picture(page, 'console-rule', true);
  await accessible(page, 'a rule');
  await page.getByRole('button', {name: 'Keep it'}).click();
  await page.waitForSelector('tbody tr >> text=mugs');
  const kept = await api('GET', '/api/v1/rules/mugs');
  check(kept.then.pin[0].item === shown[4] && kept.then.hide[0] === shown[0] && kept.valid[0].from_ms === new Date('2020-01-02T03:04').getTime() && kept.when[0].query === 'mug', 'a rule made in the form is what the server keeps');
  page.expected = undefined;
  check((await texts(page, 'tbody tr'))[0].includes(`without ${shown[0]}`), 'a rule says what it does');
  await page.getByRole('button', {name: 'Switch off mugs'}).click();
  await page.waitForSelector('button[aria-label="Switch on mugs"]');
  check((await api('GET', '/api/v1/rules/mugs')).enabled === false, 'a rule can be switched off');
  await page.getByRole('button', {name: 'Edit mugs'}).click();
  await page.getByRole('button', {name: 'as JSON'}).click();
  const rule = JSON.parse(await page.getByLabel('A rule as JSON').inputValue());
  await page.getByLabel('A rule as JSON').fill(JSON.stringify({...rule, then: {redirect: '/mugs'}}));
  await page.getByRole('button', {name: 'Keep it'}).click();
  await page.waitForSelector('tbody tr >> text=go to /mugs');
  check(true, 'and as JSON');
  await picture(page, 'console-rules');
  await accessible(page, 'rules');
  await page.getByRole('button', {name: 'Remove mugs'}).click();
  await page.waitForSelector('.empty');

  await goto(page, 'recommendations/u000007', '.ranks li');
  await page.waitForSelector('tbody tr');
  await page.locator('.ranks summary').first().click();
  check((await texts(page, '.ranks details[open] .parts li')).length >= 4, 'a recommendation shows its parts');
  await picture(page, 'console-recommendations');
  await accessible(page, 'recommendations');
  await page.locator('.ranks details[open] button').click();
  await page.waitForSelector('.item-card');
  check((await page.getByLabel('Surface').inputValue()) === 'related', 'from an item to what is related to it');

  await goto(page, 'learning', '.plot canvas');
  await page.waitForSelector('tbody tr');
  check((await texts(page, 'tbody tr')).length >= 6, 'every source is listed');
  const featureRow = () => page.locator('[aria-label="Features of the ranker"] tbody tr').first();
  const feature = await featureRow().locator('b').textContent();
  await featureRow().getByRole('button', {name: 'Keep'}).click();
  const judged = page.locator('[aria-label="Features of the ranker"] tbody tr', {hasText: feature}).first();
  await judged.getByText('always used').waitFor();
  await judged.getByRole('button', {name: 'Judge'}).click();
  await judged.getByRole('button', {name: 'Leave out'}).waitFor();
  check(true, `the ranker's feature ${feature} is kept, and judged again`);
  await page.waitForSelector('.facts');
  await page.waitForTimeout(2500);
  await picture(page, 'console-learning', true);
  await accessible(page, 'learning');
  await page.getByRole('button', {name: /^popularity/}).first().click();
  check((await page.getByRole('button', {name: /^popularity/}).first().getAttribute('aria-pressed')) === 'false', 'a source can be left out of the curves');

  await goto(page, 'catalogue', 'tbody tr');
  await picture(page, 'console-catalogue');
  await page.getByLabel('Words or an id').fill('running shoe');
  await page.getByLabel('Filter').fill('price < 100');
  await page.waitForFunction(() => [...document.querySelectorAll('a.what')].length > 0 && [...document.querySelectorAll('tbody tr')].every((one) => /shoe/i.test(one.textContent) && Number(/€([\d.]+)/.exec(one.textContent)?.[1]) < 100));
  check(true, 'the catalogue is searched and filtered');
  await accessible(page, 'catalogue');
  page.expected = /400/;
  await page.getByLabel('Filter').fill('price <');
  await page.waitForSelector('.trouble');
  await page.getByLabel('Filter').fill('');
  await page.waitForSelector('.trouble', {state: 'detached'});
  page.expected = undefined;
  check(true, 'a wrong filter is said');
  await page.locator('a.what').first().click();
  await page.waitForSelector('.attribute');
  const id = decodeURIComponent((await page.evaluate(() => location.hash)).split('/')[2]);
  await page.getByLabel('price', {exact: true}).fill('12.5');
  await page.getByLabel('Name of a new attribute').fill('material');
  await page.getByLabel('Its value').fill('suede');
  await page.getByRole('button', {name: 'Keep the changes'}).click();
  await page.waitForFunction(async (path) => {
    const {attributes} = await (await fetch(path)).json();
    return attributes.price === 12.5 && attributes.material === 'suede';
  }, `/api/v1/items/${encodeURIComponent(id)}`);
  check(true, 'a product is changed through the API');
  await page.waitForSelector('.plain-list');
  await picture(page, 'console-product', true);
  await accessible(page, 'a product');
  await page.getByRole('button', {name: 'Take it out of the catalogue'}).click();
  await page.getByRole('button', {name: 'Take it out', exact: true}).click();
  await page.waitForFunction(() => location.hash === '#/catalogue');
  check((await api('GET', `/api/v1/items/${encodeURIComponent(id)}`)).deleted === true, 'and taken out');
  page.expected = /404/;
  await goto(page, 'catalogue/nothing-of-this-name', '.empty');
  page.expected = undefined;

  const folder = await mkdtemp(join(tmpdir(), 'console-'));
  const products = ['sku,product_name,brand,category,price,in_stock,notes,code'];
  for (let i = 0; i < 3000; ++i) products.push(`w${i},"Lantern ${i}, ""brass""",Glow,Home > Light,${i === 7 ? 'cheap' : (i % 90) + 0.5},${i % 5 ? 'true' : 'false'},"two\nlines",00${i}`);
  products[12] = 'too,few';
  await writeFile(join(folder, 'products.csv.gz'), gzipSync(products.join('\n')));
  await goto(page, 'import', '.drop');
  await picture(page, 'console-import-empty');
  await page.getByLabel('File', {exact: true}).setInputFiles(join(folder, 'products.csv.gz'));
  await page.waitForSelector('td select');
  check((await page.getByLabel('sku becomes').inputValue()) === 'id' && (await page.getByLabel('product_name becomes').inputValue()) === 'title' && (await page.getByLabel('in_stock becomes').inputValue()) === 'available', 'columns are guessed');
  await page.getByLabel('notes becomes').selectOption('description');
  await page.getByText('The first row, as the server gets it').click();
  await accessible(page, 'import');
  const length = (await api('GET', '/api/v1/status')).state.items;
  await page.getByRole('button', {name: 'Check all rows'}).click();
  await says(page, '2 of 3,000 rows would be refused');
  check((await api('GET', '/api/v1/status')).state.items === length, 'a check keeps nothing');
  const why = await texts(page, 'tbody tr td:nth-child(2)');
  check(why.some((one) => one.includes('price')) && why.some((one) => one.includes('2 columns, the header has 8')), 'refused rows say why');
  await picture(page, 'console-import', true);
  await page.getByRole('button', {name: 'Import', exact: true}).click();
  await says(page, 'Done in');
  const saved = page.waitForEvent('download');
  await page.getByRole('button', {name: /^Download/}).click();
  const refusedRows = await readFile(await (await saved).path(), 'utf8');
  check(refusedRows.split('\n').length === 4 && /\tprice: /.test(refusedRows), 'and can be downloaded with their reasons');
  await page.waitForFunction(async (n) => (await (await fetch('/api/v1/status')).json()).state.items === n + 2998, length);
  const w8 = await api('GET', '/api/v1/items/w8');
  check(w8.title === 'Lantern 8, "brass"' && w8.attributes.description === 'two lines' && w8.attributes.code === '008' && w8.price === 8.5, 'quotes, line ends and codes come through');
  await page.waitForFunction(async () => (await (await fetch('/api/v1/search', {method: 'POST', body: JSON.stringify({query: 'brass lantern', record: false})})).json()).found === 2998);
  check(true, 'and is found');
  const day = Date.UTC(2024, 0, 2);
  await writeFile(join(folder, 'clicks.jsonl'), Array.from({length: 400}, (_, i) => JSON.stringify({visitorid: `hist${i % 40}`, itemid: `w${i % 9}`, timestamp: day + i * 1000})).join('\n'));
  await page.getByLabel('File', {exact: true}).setInputFiles(join(folder, 'clicks.jsonl'));
  await page.waitForSelector('text=No column says what happened');
  check(await page.getByRole('button', {name: 'Import', exact: true}).isDisabled(), 'what is not mapped cannot be sent');
  await page.getByLabel('Every row is a').selectOption('view');
  await page.getByRole('button', {name: 'Import', exact: true}).click();
  await says(page, 'Done in');
  check((await texts(page, '.stats.flat .stat'))[1].startsWith('400'), 'events of any age are taken');
  await writeFile(join(folder, 'empty.csv'), '');
  await page.getByLabel('File', {exact: true}).setInputFiles(join(folder, 'empty.csv'));
  await page.waitForSelector('.trouble');
  check((await texts(page, '.trouble'))[0].includes('empty'), 'an empty file is said');
  await rm(folder, {recursive: true});

  await goto(page, 'profiles', '.tags');
  await page.getByLabel('Shopper or session').fill('hist7');
  await page.getByRole('button', {name: 'Look'}).click();
  await page.waitForSelector('.facts');
  await page.waitForSelector('.rank');
  await goto(page, 'profiles/u000007', '.facts');
  await page.waitForSelector('.rank');
  await picture(page, 'console-profile', true);
  await accessible(page, 'profile');
  await goto(page, 'profiles/hist7', '.facts');
  await page.getByRole('button', {name: 'Erase …'}).click();
  check(await page.getByRole('button', {name: 'Erase for good'}).isDisabled(), 'nobody is erased by one click');
  await page.getByLabel('Shopper', {exact: true}).fill('hist7');
  await accessible(page, 'erasing');
  page.expected = /404/;
  await page.getByRole('button', {name: 'Erase for good'}).click();
  await page.waitForSelector('text=or they have been erased', {timeout: 60_000});
  check((await fetch(new URL('/api/v1/users/hist7', url))).status === 404, 'an erased shopper is gone');
  page.expected = undefined;

  await goto(page, 'events', 'tbody tr');
  await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].some((row) => row.textContent.includes('ada')));
  check(true, 'events come in');
  await page.getByRole('button', {name: 'Hold still'}).click();
  await picture(page, 'console-events');
  await accessible(page, 'events');

  await goto(page, 'refused', '.letter');
  const letters = (await api('GET', '/api/v1/dead-letters/counts')).letters;
  await picture(page, 'console-refused');
  await accessible(page, 'refused events');
  const body = page.locator('.letter textarea').first();
  await body.fill((await body.inputValue()).replace('"cheap"', '19'));
  await page.getByRole('button', {name: 'Put right and send again'}).first().click();
  await page.waitForFunction(async (n) => (await (await fetch('/api/v1/dead-letters/counts')).json()).letters === n - 1, letters);
  check(true, 'a refused event is put right and taken');

  await goto(page, 'keys', 'form');
  await page.getByLabel('Name').fill('A storefront with a name that is rather long for the table it stands in');
  await page.getByRole('button', {name: 'Make it'}).click();
  await page.waitForSelector('.key');
  check(/^fk_/.test((await texts(page, '.key'))[0]), 'a key is shown once');
  await page.waitForSelector('tbody tr');
  await accessible(page, 'keys');
  await page.getByRole('button', {name: /^Revoke A storefront/}).click();
  await says(page, 'does not work any more');

  await goto(page, 'audit', 'tbody tr');
  const lines = await texts(page, 'tbody tr');
  check(lines.some((one) => one.includes('revoked a key')) && lines.some((one) => one.includes('rules: mugs')) && lines.some((one) => one.includes('published settings')), 'the audit tells of keys, rules and settings');
  await picture(page, 'console-audit');
  await page.getByLabel('Only those with').fill('mugs');
  await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].every((one) => one.textContent.includes('mugs')));
  await accessible(page, 'audit');

  await goto(page, 'connect', 'pre');
  await page.getByLabel('Address of the shop').fill('https://shop.example/');
  await page.getByRole('button', {name: 'Check'}).click();
  await page.waitForSelector('ul[aria-label="Verdict"]');
  check((await texts(page, 'ul[aria-label="Verdict"] li'))[1].includes('cors_origins=["https://shop.example"]'), 'the CORS check says what to set');
  await page.getByRole('button', {name: 'Send a test event'}).click();
  await says(page, 'in the state that answers after');
  await picture(page, 'console-connect');
  await accessible(page, 'connect');
  await page.close();
}

// A phone, in the dark; every view fits.
{
  const page = await open('phone', {viewport: {width: 390, height: 844}, colorScheme: 'dark', hasTouch: true, isMobile: true});
  for (const view of ['overview', 'learning', 'catalogue', 'catalogue/p000001', 'import', 'experiments', 'profiles/u000007', 'audit', 'playground', 'relevance', 'synonyms', 'rules', 'analytics', 'recommendations', 'events', 'refused', 'keys', 'connect']) {
    await goto(page, view, '.view-head');
    await page.waitForTimeout(400);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(wide <= 0, `nothing is wider than the phone in ${view} (${wide} px too wide)`);
    if (['overview', 'analytics', 'relevance', 'catalogue', 'catalogue/p000001', 'learning', 'import'].includes(view)) await picture(page, `console-phone-${view.replace('/', '-')}`);
    if (view === 'analytics') await accessible(page, 'phone, dark');
  }
  await page.close();
}
clearInterval(clicks);

// A server that asks for keys: who may look may look, and finds no button that would be refused.
if (process.env['KEYED']) {
  const [other, adminKey, readKey] = process.env['KEYED'].split(' ');
  const page = await open('keys', {viewport: {width: 1280, height: 900}}, other);
  page.expected = /401|403|404/;
  await page.goto(`${other}console/`);
  await page.waitForSelector('input[name="key"]');
  await accessible(page, 'login');
  await picture(page, 'console-login');
  await page.fill('input[name="key"]', 'fk_wrong');
  await page.getByRole('button', {name: 'Go in'}).click();
  await page.waitForSelector('[role="alert"]');
  check(true, 'a wrong key is said');
  await page.fill('input[name="key"]', readKey);
  await page.getByRole('button', {name: 'Go in'}).click();
  await page.waitForSelector('text=read only');
  check(!(await texts(page, '.side a')).includes('Keys'), 'who may only look is not shown what is refused');
  await page.locator('.side a', {hasText: 'Relevance'}).click();
  await page.waitForSelector('.form input[readonly]');
  check((await page.getByRole('button', {name: 'Stage'}).count()) === 0, 'and no button that would be refused');
  await page.getByRole('button', {name: 'Leave'}).click();
  await page.waitForSelector('input[name="key"]');
  await page.fill('input[name="key"]', adminKey);
  await page.getByRole('button', {name: 'Go in'}).click();
  await page.waitForSelector('text=Keys');
  await page.locator('.side a', {hasText: 'Analytics'}).click();
  await page.waitForSelector('.empty');
  check(true, 'an empty shop says that nobody has searched yet');
  await picture(page, 'console-empty');
  await page.close();
}
await finish('console');
