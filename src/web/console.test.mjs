// Walks through the console in a real browser, view by view, and fails on anything a person would notice.
//
//   node console.test.mjs URL [folder for pictures]      CHROMIUM names the browser; exit 77: there is none
//   KEYED='URL ADMIN_KEY READ_KEY' in the environment: another server, that asks for keys
import process from 'node:process';
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

  await goto(page, 'relevance', 'textarea');
  const before = (await api('GET', '/api/v1/settings')).version;
  const text = JSON.parse(await page.locator('textarea').inputValue());
  await page.locator('textarea').fill(JSON.stringify({...text, popularity_weight: 'much'}));
  page.expected = /400/;  // The browser says it too, sooner or later than the page.
  const refused = page.waitForEvent('console', (message) => /400/.test(message.text()));
  await page.getByRole('button', {name: 'Stage'}).click();
  await page.waitForSelector('.said .bad');
  await refused;
  check((await texts(page, '.said .bad'))[0].includes('popularity_weight'), 'a wrong setting is named');
  page.expected = undefined;
  await page.locator('textarea').fill(JSON.stringify({...text, popularity_weight: 0.4}, undefined, 2));
  await page.getByRole('button', {name: 'Stage'}).click();
  await page.waitForSelector('text=What would change').catch(() => undefined);
  await page.waitForFunction(() => [...document.querySelectorAll('td b')].some((one) => one.textContent === 'popularity_weight'));
  check((await api('GET', '/api/v1/settings')).version === before, 'staging changes nothing');
  await picture(page, 'console-relevance');
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

  await goto(page, 'synonyms', 'tbody tr');
  check((await texts(page, 'tbody tr')).some((row) => row.includes('xylophone')), 'the synonym is listed');
  await picture(page, 'console-synonyms');
  await accessible(page, 'synonyms');

  await goto(page, 'rules', '.empty');
  await picture(page, 'console-rules-empty');
  await page.getByLabel('A rule as JSON').fill(JSON.stringify({id: 'mugs', when: [{query: 'mug'}], then: {hide: ['p000037']}}));
  await page.getByRole('button', {name: 'Keep it'}).click();
  await page.waitForSelector('tbody tr');
  check((await texts(page, 'tbody tr'))[0].includes('without p000037'), 'a rule says what it does');
  await page.getByRole('button', {name: 'Switch off mugs'}).click();
  await page.waitForSelector('button[aria-label="Switch on mugs"]');
  check((await api('GET', '/api/v1/rules/mugs')).enabled === false, 'a rule can be switched off');
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

  await goto(page, 'events', 'tbody tr');
  check((await texts(page, 'tbody tr')).some((row) => row.includes('ada')), 'events come in');
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

  await goto(page, 'connect', 'pre');
  await page.getByRole('button', {name: 'Send a test event'}).click();
  await says(page, 'in the state that answers after');
  await picture(page, 'console-connect');
  await accessible(page, 'connect');
  await page.close();
}

// A phone, in the dark; every view fits.
{
  const page = await open('phone', {viewport: {width: 390, height: 844}, colorScheme: 'dark', hasTouch: true, isMobile: true});
  for (const view of ['overview', 'playground', 'relevance', 'synonyms', 'rules', 'analytics', 'recommendations', 'events', 'refused', 'keys', 'connect']) {
    await goto(page, view, '.view-head');
    await page.waitForTimeout(400);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(wide <= 0, `nothing is wider than the phone in ${view} (${wide} px too wide)`);
    if (view === 'overview' || view === 'analytics') await picture(page, `console-phone-${view}`);
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
  await page.waitForSelector('textarea[readonly]');
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
