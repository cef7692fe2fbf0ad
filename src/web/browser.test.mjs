// What the tests of both pages need of a browser: pages whose errors count, checks, accessibility, pictures.
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import process from 'node:process';
import {chromium} from 'playwright-core';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export async function browse(url, pictures) {
  const browserPath = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .find((path) => path && existsSync(path));
  if (!browserPath) {
    console.log('skipped: no chromium; install it with tools/install.sh test');
    process.exit(77);
  }
  const problems = [];
  const problem = (what) => {  // Said at once, to be seen between the checks where it came.
    problems.push(what);
    console.log(`     problem: ${what}`);
  };
  const check = (holds, what) => {
    if (!holds) problems.push(what);
    console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}`);
    return holds;
  };
  const origin = new URL(url).origin;
  const browser = await chromium.launch({executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu']});

  // `page.expected`: a pattern of statuses and console messages that a test provokes. What the browser says of a
  // refused request comes sooner or later than the page acts on it: the answers themselves are judged instead.
  const open = async (name, options, from = origin) => {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000);
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type()) || page.expected?.test(message.text())) return;
      if (message.text().startsWith('Failed to load resource: the server responded')) return;
      problem(`${name}: console: ${message.text()}`);
    });
    page.on('response', (response) => {
      if (response.status() < 400 || page.expected?.test(String(response.status()))) return;
      problem(`${name}: ${response.status()} from ${response.request().method()} ${response.url()} ${response.request().postData()?.slice(0, 200) ?? ''}`);
    });
    page.on('pageerror', (error) => problem(`${name}: ${error.stack ?? error}`));
    page.on('request', (request) => {
      const to = request.url();
      if (!to.startsWith(new URL(from).origin) && !to.startsWith('data:')) problem(`${name}: asked elsewhere: ${to}`);
    });
    return page;
  };
  const accessible = async (page, name) => {
    await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime)).map((one) => one.finished.catch(() => undefined))));
    await page.addScriptTag({path: axePath});
    const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
    const bad = violations.filter((one) => ['serious', 'critical'].includes(one.impact));
    for (const one of bad) console.log(`     ${one.id}: ${one.help}\n${one.nodes.slice(0, 4).map((node) => `       ${node.target} ${node.failureSummary?.replaceAll('\n', ' ')}`).join('\n')}`);
    check(bad.length === 0, `axe: nothing serious (${name}; ${violations.length - bad.length} smaller)`);
    for (const one of violations.filter((each) => !bad.includes(each))) console.log(`     smaller: ${one.id}: ${one.nodes.slice(0, 2).map((node) => node.target)}`);
  };
  const picture = async (page, name, whole = false) => {
    if (!pictures) return;
    await page.waitForTimeout(450);  // What glides has arrived.
    await page.screenshot({path: `${pictures}/${name}.png`, fullPage: whole});
  };
  const finish = async (what) => {
    await browser.close();
    for (const problem of problems) console.log(`problem: ${problem}`);
    console.log(problems.length ? `${what}: ${problems.length} problems` : `${what}: fine`);
    process.exit(problems.length ? 1 : 0);
  };
  return {open, check, accessible, picture, finish, problems};
}
