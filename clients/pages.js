// Audits the pages in Chromium, or takes screenshots of them.
//
//     npm run pages                      # audit: axe-core, overflow, size, requests to other hosts
//     npm run pages -- screenshots DIR   # PNG files of each page: 320, 768 and 1,400 pixels wide, light and dark
//
// PAGES_URL names a service that is running; otherwise the debug binary is started with the sample data. Needs Chromium
// (`apt-get install chromium`); CHROMIUM names another one.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import puppeteer from 'puppeteer-core';

import { withService } from './service.js';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// Without the picture and the table of a network, which have their own limit.
const MAX_ELEMENTS = 600;
const MAX_NETWORK_ELEMENTS = 2600;
const WIDTHS = [320, 768, 1400];
const SCHEMES = ['light', 'dark'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Sends a query to the service. */
async function query(base, text) {
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: text }),
  });
  return (await response.json()).data;
}

/** The pages to look at, by name: one of each kind, about the most prominent entities. */
async function paths(base) {
  const data = await query(
    base,
    `{
      researchers(first: 1, orderBy: {field: PAPER_COUNT, direction: DESC}) {
        nodes { id slug name coauthors(first: 30) { nodes { id coauthors(first: 30) { nodes { id } } } } topics(first: 1) { nodes { id } } }
      }
      organizations(first: 1, orderBy: {field: RESEARCHER_COUNT, direction: DESC}) { nodes { slug } }
      topics(first: 1, orderBy: {field: RESEARCHER_COUNT, direction: DESC}) { nodes { slug } }
      papers(first: 1, filter: {hasAbstract: true}, orderBy: {field: AUTHOR_COUNT, direction: DESC}) { nodes { slug } }
      anyPapers: papers(first: 1, orderBy: {field: AUTHOR_COUNT, direction: DESC}) { nodes { slug } }
    }`,
  );
  const person = data.researchers.nodes[0];
  const near = new Set([person.id, ...(person.coauthors?.nodes ?? []).map(({ id }) => id)]);
  const others = (person.coauthors?.nodes ?? []).flatMap(({ coauthors }) => coauthors?.nodes ?? []);
  const far = others.find(({ id }) => !near.has(id)) ?? person.coauthors?.nodes[0] ?? person;
  const word = person.name.split(' ').at(-1);
  const organization = data.organizations.nodes[0]?.slug;
  const topic = data.topics.nodes[0]?.slug;
  const paper = data.papers.nodes[0]?.slug ?? data.anyPapers.nodes[0]?.slug;
  return Object.entries({
    home: '',
    person: `people/${person.slug}`,
    'person-papers': `people/${person.slug}/papers`,
    'person-network': `people/${person.slug}/network`,
    'person-network-filtered': person.topics.nodes[0] && `people/${person.slug}/network?topic=${person.topics.nodes[0].id}&sort=name`,
    'person-network-empty': `people/${person.slug}/network?until=1000`,
    paper: paper && `papers/${paper}`,
    organization: organization && `organizations/${organization}`,
    'organization-as-of': organization && `organizations/${organization}?asOf=2020`,
    'organization-network': organization && `organizations/${organization}/network`,
    topic: topic && `topics/${topic}`,
    search: `search?q=${encodeURIComponent('learning')}`,
    'search-person': `search?q=${encodeURIComponent(word)}`,
    'search-empty': 'search',
    people: 'people',
    'people-filtered': person.topics.nodes[0] && `people?topic=${person.topics.nodes[0].id}`,
    organizations: 'organizations',
    topics: 'topics',
    papers: 'papers?type=PREPRINT',
    path: `path?from=${person.id}&to=${far.id}`,
    'path-form': 'path?fromName=a',
    about: 'about',
    'about-data': 'about/data',
    'not-found': 'people/nobody-of-this-name',
  }).filter(([, path]) => path !== undefined);
}

async function open(browser, url, width, scheme) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  const problems = [];
  page.on('console', (message) => {
    // The status of the page itself, such as that of a page that is not found.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) problems.push(message.text());
  });
  page.on('request', (request) => {
    // Chromium's own icons of form fields are data.
    if (!request.url().startsWith('data:') && !request.url().startsWith(new URL(url).origin)) problems.push(`request to ${request.url()}`);
  });
  await page.goto(url, { waitUntil: 'load' });
  return { page, problems };
}

/** What is wrong with a page. */
async function audit(browser, url, width, scheme) {
  const { page, problems } = await open(browser, url, width, scheme);
  // All that unfolds is part of the page.
  await page.$$eval('details', (all) => all.forEach((details) => (details.open = true)));
  const session = await page.createCDPSession();
  await session.send('Page.setBypassCSP', { enabled: true });
  const measured = await page.evaluate(() => ({
    elements: document.querySelectorAll('*').length - document.querySelectorAll('.network *').length,
    network: document.querySelectorAll('.network *').length,
    headings: document.querySelectorAll('h1').length,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    wide: [...document.querySelectorAll('main *')]
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .filter((element) => !element.closest('.scroll, .visually-hidden, .skip'))
      .slice(0, 3)
      .map((element) => element.outerHTML.slice(0, 120)),
  }));
  if (measured.elements > MAX_ELEMENTS) problems.push(`${measured.elements} elements`);
  if (measured.network > MAX_NETWORK_ELEMENTS) problems.push(`${measured.network} elements in the network`);
  if (measured.headings !== 1) problems.push(`${measured.headings} h1`);
  if (measured.overflow > 0) problems.push(`${measured.overflow} pixels too wide: ${measured.wide.join(' ')}`);
  // Evaluated by the debugger, which the content security policy of the page does not concern.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } }), RULES);
  for (const { id, nodes } of violations) {
    problems.push(`${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary?.split('\n')[1]?.trim()})`).join('; ')}`);
  }
  await page.close();
  return { problems, elements: measured.elements };
}

async function screenshot(browser, url, width, scheme, file) {
  const { page } = await open(browser, url, width, scheme);
  await page.screenshot({ path: file, fullPage: true });
  await page.close();
}

async function run(base) {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'],
  });
  let failures = 0;
  try {
    const pages = await paths(base);
    const [mode, directory, only] = process.argv.slice(2);
    if (mode === 'screenshots') {
      mkdirSync(directory, { recursive: true });
      for (const [name, path] of pages.filter(([name]) => only === undefined || only.split(',').includes(name))) {
        for (const width of WIDTHS) {
          for (const scheme of SCHEMES) {
            const language = width === 768 ? 'fr' : 'en';
            await screenshot(browser, `${base}/${language}/${path}`, width, scheme, join(directory, `${name}-${width}-${scheme}.png`));
          }
        }
      }
      return 0;
    }
    for (const [name, path] of pages) {
      let most = 0;
      for (const language of ['en', 'fr']) {
        for (const width of [320, 1400]) {
          for (const scheme of SCHEMES) {
            const { problems, elements } = await audit(browser, `${base}/${language}/${path}`, width, scheme);
            most = Math.max(most, elements);
            for (const problem of problems) console.error(`${name} ${language} ${width} ${scheme}: ${problem}`);
            failures += problems.length;
          }
        }
      }
      console.log(`${name}: ${most} elements`);
    }
  } finally {
    await browser.close();
  }
  console.log(`${failures} problems`);
  return failures === 0 ? 0 : 1;
}

if (!existsSync(chromium)) {
  console.log(`skipped: there is no ${chromium}`);
} else if (process.env.PAGES_URL) {
  process.exitCode = await run(process.env.PAGES_URL);
} else {
  process.exitCode = await withService({}, (url) => run(url.replace(/\/graphql$/, '')));
}
