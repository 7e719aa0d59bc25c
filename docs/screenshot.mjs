// Writes the screenshots of the README to docs/images/: two pages, and a nested query with its response in GraphiQL.
//
//     cargo build --release && node docs/screenshot.mjs [PROGRAM] [NAME ...]
//
// NAME is home, profile or graphiql; without a name, all are written.
// PROGRAM is the service, by default target/release/academic-directory; it is started with an embedded Postgres in a
// temporary directory. GraphiQL shows the sample data, and pages show the people of invented-directory.mjs. It must have
// been built with npm, which builds the GraphiQL page. The script also needs Node.js 20, chromium and chromedriver (Debian: `apt-get install chromium chromium-driver`).

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { inventedRecords } from './invented-directory.mjs';

const [, , chosen, ...names] = process.argv;
const program = resolve(chosen ?? fileURLToPath(new URL('../target/release/academic-directory', import.meta.url)));
const MAX_IMAGE_BYTES = 200_000;
const TIMEOUT_MS = 60_000;
const [WIDTH, HEIGHT] = [1320, 880];

const QUERY = `# A researcher with two levels of coauthors.
query Coauthors(
  $slug: String!
  $languages: [LanguageTag!]
) {
  researcher(by: {slug: $slug}) {
    name
    headline(languages: $languages) { value }
    coauthors(first: 2) {
      totalCount
      edges {
        paperCount
        node {
          name
          coauthors(first: 2) {
            totalCount
            nodes { name }
          }
        }
      }
    }
  }
}
`;
const VARIABLES = `{
  "slug": "razvan-pascanu",
  "languages": ["fr", "en"]
}
`;

/** What is shown: the address below that of the service, the records to import instead of the sample data, what to do. */
const SCREENSHOTS = {
  home: { path: '/en/', records: inventedRecords },
  profile: { path: '/en/people/ida-brook', records: inventedRecords },
  graphiql: { path: `/graphiql?${new URLSearchParams({ query: QUERY, variables: VARIABLES })}`, prepare: runQuery },
};

/** Calls `probe` until it returns something, or throws after the timeout. */
async function until(what, probe) {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const value = await probe().catch(() => undefined);
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what} took more than ${TIMEOUT_MS / 1000} seconds`);
    await sleep(100);
  }
}

/** The URL of the service, from the lines that it prints at start. */
async function serviceUrl(service) {
  for await (const line of createInterface({ input: service.stdout })) {
    const [name, value] = line.trim().split(/\s+/);
    if (name === 'GraphiQL') return value.replace(/\/graphiql$/, '');
  }
  throw new Error('the service stopped before it printed its URL');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Sends one WebDriver command and returns its value. */
async function command(url, method, body) {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${url}: ${value.message}`);
  return value;
}

/** Runs the query in GraphiQL and waits for its response. */
async function runQuery(evaluate) {
  await until('the editor', () => evaluate(`return document.querySelector('.graphiql-query-editor .view-lines .view-line')`));
  await evaluate(`document.querySelector('.graphiql-execute-button').click()`);
  await until('the response', () => evaluate(`
    const model = globalThis.__MONACO?.editor.getModels().find((model) => model.uri.path.endsWith('response.json'));
    return model?.getValue().includes('"data"')`));
  await evaluate('document.activeElement?.blur()');
  await sleep(2000); // The editors still colour their text, and the tooltip of the button fades.
}

/** Opens a browser and calls `use` with the functions to control it. */
async function withBrowser(driver, profile, use) {
  const args = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage',
    '--disable-background-networking', '--hide-scrollbars', `--window-size=${WIDTH},${HEIGHT}`, `--user-data-dir=${profile}`,
  ];
  const capabilities = { alwaysMatch: { 'goog:chromeOptions': { args } } };
  const { sessionId } = await until('chromedriver', () => command(`${driver}/session`, 'POST', { capabilities }));
  const session = `${driver}/session/${sessionId}`;
  const open = (url) => command(`${session}/url`, 'POST', { url });
  const evaluate = (script) => command(`${session}/execute/sync`, 'POST', { script, args: [] });
  const cdp = (cmd, params) => command(`${session}/goog/cdp/execute`, 'POST', { cmd, params });
  try {
    await cdp('Emulation.setDeviceMetricsOverride', { width: WIDTH, height: HEIGHT, deviceScaleFactor: 1, mobile: false });
    await cdp('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'light' }] });
    await use({ open, evaluate, cdp });
  } finally {
    await command(session, 'DELETE');
  }
}

/** Writes one screenshot, and reports its size. */
async function capture({ open, evaluate, cdp }, name, url) {
  const { path, prepare } = SCREENSHOTS[name];
  await open(`${url}${path}`);
  await prepare?.(evaluate);
  const { data } = await cdp('Page.captureScreenshot', { format: 'png' });
  const image = fileURLToPath(new URL(`images/${name}.png`, import.meta.url));
  const bytes = Buffer.from(data, 'base64');
  writeFileSync(image, bytes);
  console.log(`${image}: ${bytes.length} bytes`);
  if (bytes.length >= MAX_IMAGE_BYTES) {
    console.error(`the image must be smaller than ${MAX_IMAGE_BYTES} bytes`);
    process.exitCode = 1;
  }
}

const unknown = names.find((name) => !(name in SCREENSHOTS));
if (unknown !== undefined) {
  console.error(`there is no screenshot ${unknown}; the names are ${Object.keys(SCREENSHOTS).join(', ')}`);
  process.exit(1);
}
// Started by root, the embedded Postgres runs as another user, who must be able to enter the directory.
const directory = mkdtempSync(join(tmpdir(), 'academic-directory-screenshot-'));
chmodSync(directory, 0o755);
const children = [];
const start = (file, args, options) => {
  const child = spawn(file, args, { cwd: directory, ...options });
  children.push(child);
  return child;
};
const environment = { ...process.env, LOG: 'warn', LISTEN: '127.0.0.1:0' };

/** Starts the service with the sample data, or with other records, and returns its URL. */
async function startService(records) {
  const env = { ...environment, DATA_DIR: join(directory, records?.name ?? 'sample') };
  if (records) {
    env.DEMO = 'never';
    env.DIRECTORY_NAME = 'University of Northmoor';
    const file = join(directory, 'records.jsonl');
    writeFileSync(file, records().map((record) => `${JSON.stringify(record)}\n`).join(''));
    execFileSync(program, ['import', 'records', '--strict', file], { cwd: directory, env, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return serviceUrl(start(program, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] }));
}

try {
  const port = await freePort();
  start('chromedriver', [`--port=${port}`], { stdio: 'ignore' });
  await withBrowser(`http://127.0.0.1:${port}`, join(directory, 'profile'), async (browser) => {
    const urls = new Map();
    for (const name of names.length > 0 ? names : Object.keys(SCREENSHOTS)) {
      const { records } = SCREENSHOTS[name];
      if (!urls.has(records)) urls.set(records, await startService(records));
      await capture(browser, name, urls.get(records));
    }
  });
} finally {
  const ended = children.map((child) => new Promise((done) => child.once('close', done)));
  children.forEach((child) => child.kill('SIGTERM'));
  await Promise.all(ended);
  rmSync(directory, { recursive: true, force: true });
}
