// Walks through the sample storefront in a real browser, as a person would, and fails on anything a person would notice.
//
//   node shop.test.mjs URL [folder for pictures]      CHROMIUM names the browser; exit 77: there is none
import process from 'node:process';
import {browse} from './browser.test.mjs';

const [url, pictures] = process.argv.slice(2);
const {open, check, accessible, picture, finish} = await browse(url, pictures);
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent.trim()));
const becomes = async (page, holds, what) => {
  for (let i = 0; i < 200; ++i) {
    if (await holds()) return check(true, what);
    await page.waitForTimeout(50);
  }
  return check(false, `${what} (${page.url()})`);
};
const cards = (page, where) => page.$$eval(`${where} .card[data-item]`, (all) => all.map((one) => one.dataset.item));
// What the panel says the latest event did to the first page: what is new there, or that it stays.
const changed = async (page) => {
  await page.waitForSelector('.latest .what, .latest .same');
  return (await texts(page, '.latest .what p, .latest .same')).join();
};
const measured = async (page, verb) => {
  await page.waitForFunction((wanted) => document.querySelector('.verb')?.textContent === wanted && document.querySelector('.latest [data-effect]'), verb);
  return Number(await page.locator('.latest [data-effect]').getAttribute('data-effect'));
};

// Now and then two places of a list are exchanged, to learn how often each is looked at: the best match is near the top.
const SHOES = 'Running Shoes';
const onTop = async (page) => (await texts(page, '#hits .name')).slice(0, 10).some((name) => name.includes(SHOES));

// ---- at a desk
{
  const page = await open('desk', {viewport: {width: 1440, height: 1000}, colorScheme: 'light'});
  await page.goto(url);
  await page.waitForSelector('[data-surface="for-you"] .card[data-item]');
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN);
  console.log(`first contentful paint after ${paint.toFixed(0)} ms`);
  const first = await cards(page, '[data-surface="for-you"]');
  check(first.length === 12, 'the first page has twelve products for somebody new');
  await page.waitForSelector('.tiles li');
  await page.waitForSelector('[data-surface="trending"] .card');
  await accessible(page, 'first page');
  await picture(page, 'shop-home-new');

  await page.locator('#searchbox input').pressSequentially('runing sho', {delay: 30});
  await becomes(page, () => onTop(page), 'search as you type, with a typing error');
  check((await texts(page, '#hits mark')).includes('Running'), 'what was found is marked');
  check(page.url().includes('q=runing+sho'), 'the search stands in the address');
  const all = await texts(page, '#stats');
  // Products come and go while the shop plays: of the colours that a best match has today, the one with most products.
  const runs = (await texts(page, '#hits .name')).filter((name) => name.includes(SHOES)).map((name) => name.split(', ').at(-1));
  const color = (await texts(page, '#f-color .value')).find((one) => runs.includes(one));
  await page.locator('#f-color label', {hasText: color}).click();
  await becomes(page, async () => (await texts(page, '#stats'))[0] !== all[0], 'a facet narrows the list');
  await becomes(page, async () => (await texts(page, '#hits .name')).every((name) => name.endsWith(`, ${color}`)), 'to what was chosen');
  await page.selectOption('#sort select', 'products_price_asc');
  await becomes(page, async () => {
    const prices = (await texts(page, '#hits .under b')).map((text) => Number(text.replace(/[^\d.]/g, '')));
    return prices.length > 1 && prices.every((price, i) => i === 0 || prices[i - 1] <= price);
  }, 'sorted by price');
  await picture(page, 'shop-results');
  await accessible(page, 'results');
  await page.selectOption('#sort select', 'products');
  await page.locator('#f-category a', {hasText: 'Shoes'}).first().click();
  await becomes(page, async () => (await texts(page, '#f-category .tree-child')).length > 0, 'a category opens its own');
  await becomes(page, () => onTop(page), 'the best match stands on top again');
  await page.locator('#hits .card', {hasText: SHOES}).first().locator('.why-button').click();
  await page.waitForSelector('.why .parts li');
  const parts = await texts(page, '.why .parts li');
  check(parts.some((text) => /in title/.test(text)), `a result says why it stands where it stands (${parts.join('; ')})`);
  await picture(page, 'shop-why-result');
  await accessible(page, 'why');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.why', {state: 'detached'});

  const chosen = await page.$$eval('#hits .card[data-item]', (all) => all.filter((one) => !one.textContent.includes('sold out')).at(-1).dataset.item);
  await page.locator(`#hits [data-item="${chosen}"] .face`).click();
  await page.waitForSelector('.about h1');
  const took = await measured(page, 'Clicked');
  check(took > 0, `the click took effect after ${took.toFixed(1)} ms`);
  const byClick = await changed(page);
  await page.waitForSelector('#related .card[data-item]');
  await page.waitForSelector('#together .card[data-item], #together p');
  check(!(await cards(page, '#related')).includes(chosen), 'related products are others');
  check(/event at \d+, answer from state \d+/.test((await texts(page, '.fine'))[0]), 'the panel says by what it was measured');
  const offsets = (await texts(page, '.fine'))[0].match(/\d+/g).map(Number);
  check(offsets[1] >= offsets[0], 'the answer came from a state that holds the event');
  await picture(page, 'shop-product');
  await accessible(page, 'product');
  await page.locator('#related .why-button').first().click();
  await page.waitForSelector('.why .lead');
  check((await page.locator('.why .lead').innerText()).length > 5, 'a related product says why');
  await page.keyboard.press('Escape');
  await page.getByRole('button', {name: 'Put into cart'}).click();
  await measured(page, 'Put into cart');
  const byCart = await changed(page);
  check((await page.locator('.cart-button').innerText()).replaceAll(/\s+/g, ' ') === 'Cart 1 product', 'the cart counts it');

  await page.locator('.brand').click();
  await page.waitForSelector('[data-surface="for-you"] .card[data-item]');
  const then = await cards(page, '[data-surface="for-you"]');
  check(then.filter((id) => !first.includes(id)).length >= 3, `the first page followed: ${then.filter((id) => !first.includes(id)).length} of 12 are new`);
  // Which of the two events moved the page is the model's affair; that it moved must have been said.
  check([byClick, byCart].some((said) => /[1-9]\d* (new|moved)/.test(said)), `the panel says what changed (${byClick} / ${byCart})`);
  await picture(page, 'shop-home-adapted', true);
  await page.locator('[data-surface="for-you"] .why-button').first().click();
  await page.waitForSelector('.why .parts li');
  await picture(page, 'shop-why-shelf');
  await page.getByRole('button', {name: 'Close'}).click();

  await page.locator('.cart-button').click();
  await page.getByRole('button', {name: /^One more of/}).click();
  check((await texts(page, '.amount output'))[0] === '2', 'the cart takes one more');
  await picture(page, 'shop-cart');
  await accessible(page, 'cart');
  await page.getByRole('button', {name: 'Buy it all'}).click();
  await measured(page, 'Bought');
  check((await texts(page, '#cart h1'))[0] === 'Thank you!', 'and can be bought');
  await page.close();
}

// ---- nothing found, nothing there, nobody answering
{
  const page = await open('empty', {viewport: {width: 1280, height: 900}});
  await page.goto(`${url}#/search?q=zzqqxx`);
  await page.waitForSelector('.nothing, #near:not([hidden])');
  check((await texts(page, '.nothing h2, #near')).some((one) => one.includes('zzqqxx')), 'a query that nothing matches says so');
  await picture(page, 'shop-nothing');
  await page.goto(`${url}#/search?q=mug&brand=Nobody`);
  await page.waitForSelector('.nothing');
  await picture(page, 'shop-no-results');
  await page.waitForSelector('#nothing button:visible');
  await page.locator('#nothing button').click();
  await page.waitForSelector('#hits .card');
  check(true, 'filters that leave nothing can be cleared');
  await page.goto(`${url}#/cart`);
  await page.waitForSelector('#cart .empty-page');
  await picture(page, 'shop-cart-empty');
  page.expected = /404/;
  await page.goto(`${url}#/p/no-such-product`);
  await page.waitForSelector('#product .empty-page');
  check(true, 'a product that is gone says so');
  await page.close();

  const away = await open('away', {viewport: {width: 1280, height: 900}});
  away.expected = /Failed to load resource|ERR_FAILED|ERR_CONNECTION|Unreachable hosts/;
  await away.goto(url);
  await away.waitForSelector('[data-surface="for-you"] .face');
  await away.route('**/api/v1/**', (route) => route.abort());
  await away.locator('[data-surface="for-you"] .face').first().click();
  await away.waitForSelector('.latest .bad');
  check(true, 'a server that is away is said, not hidden');
  await away.close();
}

// ---- by keyboard alone
{
  const page = await open('keyboard', {viewport: {width: 1280, height: 900}});
  await page.goto(url);
  await page.waitForSelector('[data-surface="for-you"] .face');
  await page.keyboard.press('Tab');
  check((await page.evaluate(() => document.activeElement?.className)) === 'skip', 'the first stop leads past the top');
  await page.keyboard.press('/');
  await page.keyboard.type('mug');
  await page.waitForSelector('#hits mark');
  for (let i = 0; i < 80; ++i) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement?.matches('#hits .face') ?? false)) break;
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('.about h1');
  check((await page.evaluate(() => document.activeElement?.id)) === 'content', 'a new page is where the keyboard is');
  await page.close();
}

// ---- a phone, in the dark
{
  const page = await open('phone', {viewport: {width: 390, height: 844}, colorScheme: 'dark', hasTouch: true, isMobile: true});
  await page.goto(url);
  await page.waitForSelector('[data-surface="for-you"] .face');
  await page.waitForSelector('[data-surface="trending"] .card');
  await picture(page, 'shop-phone-home');
  await accessible(page, 'phone, dark');
  await page.locator('[data-surface="for-you"] .face').nth(1).tap();
  await page.waitForSelector('.about h1');
  await page.waitForSelector('.latest [data-effect]');
  await picture(page, 'shop-phone-product');
  await page.goto(`${url}#/search?q=lamp`);
  await page.waitForSelector('#hits mark');
  await page.locator('#show-filters').tap();
  check(await page.locator('#f-brand').isVisible(), 'filters open on a phone');
  await picture(page, 'shop-phone-results');
  for (const hash of ['#/', '#/search?q=lamp', '#/cart']) {
    await page.goto(url + hash);
    await page.waitForTimeout(200);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(wide <= 0, `nothing is wider than the phone at ${hash} (${wide} px too wide)`);
  }
  await page.close();
}
await finish('storefront');
