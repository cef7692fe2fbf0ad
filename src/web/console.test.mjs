// Opens the page in a real browser, plays a shopper, and fails on anything a person would notice.
//
//   node console.test.mjs URL [folder for pictures]      CHROMIUM names the browser; exit 77: there is none
import {existsSync} from 'node:fs';
import process from 'node:process';
import {chromium} from 'playwright-core';

const [url, pictures] = process.argv.slice(2);
const browserPath = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((path) => path && existsSync(path));
if (!browserPath) {
  console.log('skipped: no chromium; install it with tools/install.sh test');
  process.exit(77);
}

const problems = [];
const check = (holds, what) => {
  if (!holds) problems.push(what);
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}`);
};

const browser = await chromium.launch({executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu']});
const origin = new URL(url).origin;

async function open(name, options) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(20_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`${name}: console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`${name}: ${error}`));
  page.on('request', (request) => {
    const to = request.url();
    if (!to.startsWith(origin) && !to.startsWith('data:')) problems.push(`${name}: asked elsewhere: ${to}`);
  });
  await page.goto(url);
  await page.waitForSelector('[data-surface="for-you"] .card');
  return page;
}
const picture = async (page, name) => {
  if (pictures) await page.screenshot({path: `${pictures}/${name}.png`});
};
const order = (page, surface) =>
  page.$$eval(`[data-surface="${surface}"] .card`, (cards) => cards.map((card) => card.getAttribute('data-item')).join());

// A desk: click, see the shelves follow, look at the product, ask why.
{
  const page = await open('desk', {viewport: {width: 1440, height: 1000}, colorScheme: 'light'});
  await page.waitForSelector('.dot.on');
  check(true, 'the live stream is connected');
  const before = await order(page, 'for-you');
  check(before.length > 0, 'the first shelf is filled');
  check((await page.$$('[data-surface="trending"] .card')).length > 3, 'something trends');
  check((await page.$$('[data-surface="trending"] .chip')).length > 2, 'categories can be chosen');
  await page.locator('[data-surface="trending"] .face').last().click();
  await page.waitForSelector('.effect .hot');
  const effect = await page.locator('.effect').innerText();
  check(/kept after [\d.]+ m?s/.test(effect) && /in an answer after [\d.]+ m?s/.test(effect), `the effect is measured: ${effect.replaceAll('\n', ' ')}`);
  for (let i = 0; i < 3; ++i) {
    const was = await page.locator('.trail li').count();
    await page.locator('[data-surface="related"] .face').nth(i).click();
    await page.waitForFunction((n) => document.querySelectorAll('.trail li').length > n, was);
    await page.waitForTimeout(400);
  }
  check((await order(page, 'for-you')) !== before, 'the first shelf followed the clicks');
  check((await page.$$('[data-surface="next"] .card')).length > 0, 'the visit has a shelf of its own now');
  check((await page.locator('.product .facts dd').count()) >= 3, 'the product shows its attributes');
  await page.locator('[data-surface="for-you"] .reason').first().click();
  check(await page.locator('[data-surface="for-you"] .why').first().isVisible(), 'a card says why it is there');
  await picture(page, 'desk');
  await page.locator('.product').press('Escape');
  check(!(await page.locator('.product').isVisible()), 'Escape closes the product');
  const nameless = await page.$$eval('button, input', (all) =>
    all.filter((e) => !(e.getAttribute('aria-label') || e.textContent?.trim() || e.labels?.length)).length);
  check(nameless === 0, 'every control has a name');
  await page.close();
}

// By keyboard alone.
{
  const page = await open('keyboard', {viewport: {width: 1280, height: 900}});
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement?.matches('[data-surface="for-you"] .face') ?? false)) break;
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('.product:not([hidden])');
  await page.waitForSelector('.effect .hot');
  check(true, 'a product can be reached and opened by keyboard');
  await page.close();
}

// A phone, in the dark; a shopper nobody has seen before.
{
  const page = await open('phone', {viewport: {width: 390, height: 844}, colorScheme: 'dark', hasTouch: true, isMobile: true});
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check(wide <= 0, `nothing is wider than the phone (${wide} px too wide)`);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = (ground.match(/[\d.]+/g) ?? []).slice(0, 3).reduce((sum, v) => sum + Number(v), 0);
  check(light < 200, `dark is dark (${ground})`);
  await page.getByRole('button', {name: 'Somebody new'}).click();
  await page.waitForFunction(() => document.querySelector('.effect')?.textContent?.includes('guest-'));
  await page.waitForSelector('[data-surface="for-you"] .card');
  check(true, 'a shopper seen for the first time gets a page');
  await page.locator('[data-surface="for-you"] [data-part="cart"]').first().click();
  await page.waitForSelector('.effect .hot');
  check(true, 'the cart works by touch');
  await picture(page, 'phone');
  await page.close();
}

await browser.close();
for (const problem of problems) console.log(`problem: ${problem}`);
console.log(problems.length ? `console smoke: ${problems.length} problems` : 'console smoke: fine');
process.exit(problems.length ? 1 : 0);
