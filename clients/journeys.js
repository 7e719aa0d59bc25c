// What readers do in Chromium: by the keyboard alone, without scripts, with suggestions, in GraphiQL.
//
//     npm run journeys
//
// PAGES_URL names a service that is running; otherwise the debug binary is started with the sample data. Needs Chromium
// (`apt-get install chromium`); CHROMIUM names another one.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import puppeteer from 'puppeteer-core';

import { withService } from './service.js';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The keys of the journey below, with a third to spare for a page that grows. */
const MAX_KEYS = 45;
/** Tab presses from the address bar to the editor of GraphiQL, with Enter on the skip link. */
const MAX_KEYS_TO_EDITOR = 2;

/** Presses keys, counts them, and checks that the focus is visible. */
class Keyboard {
  constructor(page) {
    this.page = page;
    this.count = 0;
  }

  async press(key) {
    this.count += 1;
    await this.page.keyboard.press(key);
  }

  async type(text) {
    for (const letter of text) await this.press(letter);
  }

  /** Presses Enter and waits for the next page. */
  async follow() {
    await Promise.all([this.page.waitForNavigation({ waitUntil: 'load' }), this.press('Enter')]);
  }

  /** Presses Tab until the focus is on an element whose text or label matches. */
  async tabTo(pattern) {
    for (let presses = 0; presses < 40; presses += 1) {
      await this.press('Tab');
      const focused = await this.page.evaluate(() => {
        const element = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        return {
          text: `${element.textContent.trim()} ${element.getAttribute('aria-label') ?? ''} ${element.id}`,
          isVisible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight,
        };
      });
      assert.ok(focused.isVisible, `the focus is not visible on ${focused.text}`);
      if (pattern.test(focused.text)) return;
    }
    assert.fail(`Tab does not reach ${pattern}`);
  }
}

async function byKeyboard(browser, base) {
  const page = await browser.newPage();
  await page.goto(`${base}/en/`, { waitUntil: 'load' });
  const keys = new Keyboard(page);
  // The skip link.
  await keys.press('Tab');
  await keys.press('Enter');
  await keys.tabTo(/\bq$/);
  await keys.type('ilic');
  await page.waitForSelector('[role="option"]');
  await keys.press('ArrowDown');
  await keys.follow();
  assert.match(page.url(), /\/en\/people\/anastasija-ilic$/);
  await keys.press('Tab');
  await keys.press('Enter');
  await keys.tabTo(/All papers/);
  await keys.follow();
  await keys.press('Tab');
  await keys.press('Enter');
  await keys.tabTo(/^2024/);
  await keys.follow();
  assert.match(page.url(), /papers\?year=2024$/);
  await keys.press('Tab');
  await keys.press('Enter');
  await keys.tabTo(/^Coauthor network/);
  await keys.follow();
  await keys.press('Tab');
  await keys.press('Enter');
  await keys.tabTo(/^Go to the picture/);
  await keys.press('Enter');
  await keys.press('Tab');
  const neighbour = () => page.evaluate(() => document.activeElement.closest('svg.graph a')?.getAttribute('href'));
  const first = await neighbour();
  assert.ok(first, 'the focus is not in the picture');
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp']) if ((await neighbour()) === first) await keys.press(key);
  const second = new URL(await neighbour(), page.url()).href;
  await keys.follow();
  assert.equal(page.url(), second);
  assert.ok(keys.count <= MAX_KEYS, `${keys.count} keys`);
  await page.close();
  return `${keys.count} keys`;
}

async function suggestions(browser, base) {
  const page = await browser.newPage();
  const problems = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  for (const [width, scheme] of [[1400, 'light'], [320, 'dark']]) {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(`${base}/fr/`, { waitUntil: 'load' });
    await page.type('#q', 'learn');
    await page.waitForSelector('[role="option"]');
    await page.keyboard.press('ArrowUp');
    const session = await page.createCDPSession();
    await session.send('Page.setBypassCSP', { enabled: true });
    await page.evaluate(axe);
    const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } }), RULES);
    for (const { id, nodes } of violations) problems.push(`${id}: ${nodes[0].html.slice(0, 160)}`);
    const state = await page.evaluate(() => {
      const input = document.querySelector('#q');
      const active = document.getElementById(input.getAttribute('aria-activedescendant'));
      const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      const status = document.querySelector('form [role="status"]').textContent;
      return { isExpanded: input.ariaExpanded, isLast: active === active?.parentElement.lastElementChild, overflow, status };
    });
    assert.deepEqual([state.isExpanded, state.isLast, state.overflow], ['true', true, 0]);
    assert.match(state.status, /^\d+ suggestions/);
    await page.keyboard.press('Escape');
    assert.equal(await page.$('[role="listbox"]'), null);
    assert.equal(await page.$eval('#q', (input) => input.value), 'learn');
  }
  assert.deepEqual(problems, []);
  await page.close();
  return 'no violations';
}

/** The language that a reader chose is that of addresses without a language. */
async function languageIsRemembered(browser, base) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setExtraHTTPHeaders({ 'accept-language': 'en' });
  await page.goto(`${base}/people`, { waitUntil: 'load' });
  assert.match(page.url(), /\/en\/people$/);
  await Promise.all([page.waitForNavigation(), page.click('a[data-language]')]);
  await page.goto(`${base}/topics`, { waitUntil: 'load' });
  assert.match(page.url(), /\/fr\/topics$/);
  await context.close();
  return 'remembered';
}

async function withoutScripts(browser, base) {
  const page = await browser.newPage();
  await page.setJavaScriptEnabled(false);
  const click = (selector) => Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)]);
  await page.goto(`${base}/fr/`, { waitUntil: 'load' });
  await page.type('#q', 'ilic');
  await click('form.search button');
  await click('.results a');
  assert.match(page.url(), /\/fr\/people\/anastasija-ilic$/);
  await click('.ledger-head-row .go');
  await click('.facet a');
  assert.match(page.url(), /\?year=/);
  await click('.active-filters a');
  await click('.site-tools a[hreflang="en"]');
  assert.match(page.url(), /\/en\/people\/anastasija-ilic\/papers\??$/);
  await page.close();
  return 'complete';
}

/** Presses the arrow keys at each person of the network that is shown, and returns how many they reach from the first, and of how many. */
function walkNetwork() {
  const graph = [...document.querySelectorAll('svg.graph')].find((element) => element.checkVisibility());
  const people = [...graph.querySelectorAll('a')];
  const reached = new Set([people[0]]);
  for (const person of reached) {
    for (const key of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']) {
      person.focus();
      person.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      reached.add(document.activeElement);
    }
  }
  return [reached.size, people.length];
}

/** A network is one stop of the Tab key, and the arrow keys reach everybody in it. */
async function network(browser, base) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1400, height: 900 });
  await page.goto(`${base}/en/people/razvan-pascanu/network`, { waitUntil: 'load' });
  const keys = new Keyboard(page);
  const inGraph = () => page.evaluate(() => document.activeElement.closest('svg.graph') !== null);
  const selected = () => page.$$eval('svg.graph [aria-current]', (all) => all.map((person) => person.getAttribute('href')));
  while (!(await inGraph())) {
    await keys.press('Tab');
    assert.ok(keys.count < 40, 'Tab does not reach the network');
  }
  const href = () => page.evaluate(() => document.activeElement.getAttribute('href'));
  const first = await href();
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp']) if ((await href()) === first) await keys.press(key);
  const second = await href();
  assert.notEqual(second, first);
  await keys.press('Space');
  assert.deepEqual(await selected(), [second]);
  const session = await page.createCDPSession();
  await session.send('Page.setBypassCSP', { enabled: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } }), RULES);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`), []);
  await keys.press('Escape');
  assert.deepEqual(await selected(), []);
  await keys.press('Tab');
  assert.equal(await inGraph(), false);
  await page.keyboard.down('Shift');
  await keys.press('Tab');
  await page.keyboard.up('Shift');
  assert.equal(await href(), second);
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ researchers(first: 40) { nodes { slug coauthors(first: 1) { totalCount } } } }' }),
  });
  const { data } = await response.json();
  const others = data.researchers.nodes.filter(({ coauthors }) => coauthors.totalCount > 1).map(({ slug }) => slug);
  const slugs = [...new Set(['razvan-pascanu', ...others])].slice(0, 20);
  let most = 0;
  for (const slug of slugs) {
    await page.goto(`${base}/en/people/${slug}/network`, { waitUntil: 'load' });
    const [reached, people] = await page.evaluate(walkNetwork);
    assert.equal(reached, people, slug);
    most = Math.max(most, people);
  }
  await page.close();
  return `everybody in ${slugs.length} networks of up to ${most} people`;
}

async function graphiql(browser, base) {
  const page = await browser.newPage();
  await page.goto(`${base}/graphiql`, { waitUntil: 'load' });
  if (!(await page.$('#root'))) return 'skipped: GraphiQL is not part of this build';
  await page.waitForSelector('.graphiql-query-editor .view-line');
  let keys = 0;
  const isInEditor = () => page.evaluate(() => document.activeElement.closest('.graphiql-query-editor') !== null);
  for (const key of ['Tab', 'Enter']) {
    await page.keyboard.press(key);
    keys += 1;
  }
  assert.ok(await isInEditor(), 'the skip link does not lead to the editor');
  assert.ok(keys <= MAX_KEYS_TO_EDITOR);
  const cookbook = await page.$eval('.hint .links a', (link) => link.href);
  const response = await page.evaluate(async (address) => (await fetch(address)).text(), cookbook);
  assert.match(response, /^# Cookbook/);
  for (const width of [320, 390]) {
    await page.setViewport({ width, height: 800 });
    await page.reload({ waitUntil: 'load' });
    await page.waitForSelector('.graphiql-query-editor .view-line');
    const [editor, result] = await Promise.all(['.graphiql-query-editor', '.graphiql-response'].map((selector) => page.$eval(selector, (element) => element.getBoundingClientRect().toJSON())));
    assert.ok(result.top >= editor.bottom - 60 && result.width > width * 0.7, `panes at ${width}: ${JSON.stringify({ editor, result })}`);
  }
  await page.close();
  return `the editor after ${keys} keys`;
}

/** The English texts of the interface that differ from the French ones. */
function englishTexts() {
  const source = readFileSync(new URL('../src/pages/text.rs', import.meta.url), 'utf8');
  const pairs = [...source.matchAll(/^ {4}\w+: "([^"]+)",\s+"([^"]+)";/gm)];
  assert.ok(pairs.length > 100, `${pairs.length} texts`);
  const french = new Set(pairs.map(([, , text]) => text));
  return pairs.map(([, text]) => text).filter((text) => !french.has(text));
}

/** A French page has no English text but data in another language, which is marked. */
async function inFrenchOnly(browser, base) {
  const english = new Set(englishTexts());
  const page = await browser.newPage();
  const paths = ['', 'people', 'people?q=zzz', 'people/razvan-pascanu', 'people/razvan-pascanu/papers', 'organizations', 'topics', 'papers'];
  paths.push('topics/reinforcement-learning', 'path?fromName=a&toName=b', 'search', 'search?q=learning', 'about', 'about/data', 'people/nobody');
  for (const path of paths) {
    await page.goto(`${base}/fr/${path}`, { waitUntil: 'load' });
    const texts = await page.evaluate(() => {
      const isFrench = (node) => node.parentElement.closest('[lang]').lang === 'fr' && !node.parentElement.closest('script');
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) if (isFrench(walker.currentNode)) texts.push(walker.currentNode.data.trim());
      for (const element of document.querySelectorAll('[aria-label], [placeholder]')) texts.push(element.ariaLabel ?? element.placeholder);
      return texts;
    });
    const found = texts.filter((text) => english.has(text));
    assert.deepEqual(found, [], `/fr/${path}`);
  }
  await page.close();
  return `${paths.length} pages`;
}

/** A printed profile has no controls, and takes three pages at most. */
async function print(browser, base) {
  const page = await browser.newPage();
  await page.goto(`${base}/en/people/razvan-pascanu`, { waitUntil: 'load' });
  const pdf = Buffer.from(await page.pdf({ format: 'A4' })).toString('latin1');
  const pages = pdf.match(/\/Type\s*\/Page\b/g).length;
  assert.ok(pages <= 3, `${pages} pages`);
  await page.emulateMediaType('print');
  const shown = await page.$$eval('form, .site-nav, .site-tools, .pager', (all) => all.filter((element) => element.checkVisibility()).length);
  assert.equal(shown, 0);
  await page.close();
  return `${pages} pages`;
}

async function run(base) {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'],
  });
  let failures = 0;
  try {
    for (const journey of [byKeyboard, suggestions, languageIsRemembered, withoutScripts, inFrenchOnly, print, network, graphiql]) {
      try {
        console.log(`${journey.name}: ${await journey(browser, base)}`);
      } catch (error) {
        failures += 1;
        console.error(`${journey.name}: ${error.message}`);
      }
    }
  } finally {
    await browser.close();
  }
  return failures === 0 ? 0 : 1;
}

if (!existsSync(chromium)) {
  console.log(`skipped: there is no ${chromium}`);
} else if (process.env.PAGES_URL) {
  process.exitCode = await run(process.env.PAGES_URL);
} else {
  process.exitCode = await withService({}, (url) => run(url.replace(/\/graphql$/, '')));
}
