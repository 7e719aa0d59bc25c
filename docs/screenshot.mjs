// Writes docs/images/graphiql.png, the screenshot of the README: a nested query and its response in GraphiQL.
//
//     cargo build --release && node docs/screenshot.mjs [PROGRAM]
//
// PROGRAM is the service, by default target/release/academic-directory; it is started with an embedded Postgres and the
// sample data in a temporary directory. It must have been built with npm, which builds the GraphiQL page. The script also
// needs Node.js 20, chromium and chromedriver (Debian: `apt-get install chromium chromium-driver`).

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = resolve(process.argv[2] ?? fileURLToPath(new URL('../target/release/academic-directory', import.meta.url)));
const image = fileURLToPath(new URL('images/graphiql.png', import.meta.url));
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

/** The URL of GraphiQL, from the lines that the service prints at start. */
async function graphiqlUrl(service) {
  for await (const line of createInterface({ input: service.stdout })) {
    const [name, value] = line.trim().split(/\s+/);
    if (name === 'GraphiQL') return value;
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

/** Opens the query, runs it and returns the screenshot as a buffer. */
async function capture(driver, profile, graphiql) {
  const args = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage',
    '--disable-background-networking', '--hide-scrollbars', `--window-size=${WIDTH},${HEIGHT}`, `--user-data-dir=${profile}`,
  ];
  const capabilities = { alwaysMatch: { 'goog:chromeOptions': { args } } };
  const { sessionId } = await until('chromedriver', () => command(`${driver}/session`, 'POST', { capabilities }));
  const session = `${driver}/session/${sessionId}`;
  const evaluate = (script) => command(`${session}/execute/sync`, 'POST', { script, args: [] });
  const cdp = (cmd, params) => command(`${session}/goog/cdp/execute`, 'POST', { cmd, params });
  try {
    await cdp('Emulation.setDeviceMetricsOverride', { width: WIDTH, height: HEIGHT, deviceScaleFactor: 1, mobile: false });
    await cdp('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'light' }] });
    const link = new URLSearchParams({ query: QUERY, variables: VARIABLES });
    await command(`${session}/url`, 'POST', { url: `${graphiql}?${link}` });
    await until('the editor', () => evaluate(`return document.querySelector('.graphiql-query-editor .view-lines .view-line')`));
    await evaluate(`document.querySelector('.graphiql-execute-button').click()`);
    await until('the response', () => evaluate(`
      const model = globalThis.__MONACO?.editor.getModels().find((model) => model.uri.path.endsWith('response.json'));
      return model?.getValue().includes('"data"')`));
    await evaluate('document.activeElement?.blur()');
    await sleep(2000); // The editors still colour their text, and the tooltip of the button fades.
    const { data } = await cdp('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  } finally {
    await command(session, 'DELETE');
  }
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
try {
  const service = start(program, ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(directory, 'data')], {
    env: { ...process.env, LOG: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const graphiql = await graphiqlUrl(service);
  const port = await freePort();
  start('chromedriver', [`--port=${port}`], { stdio: 'ignore' });
  const png = await capture(`http://127.0.0.1:${port}`, join(directory, 'profile'), graphiql);
  writeFileSync(image, png);
} finally {
  const ended = children.map((child) => new Promise((done) => child.once('close', done)));
  children.forEach((child) => child.kill('SIGTERM'));
  await Promise.all(ended);
  rmSync(directory, { recursive: true, force: true });
}
const { size } = statSync(image);
console.log(`${image}: ${size} bytes`);
if (size >= MAX_IMAGE_BYTES) {
  console.error(`the image must be smaller than ${MAX_IMAGE_BYTES} bytes`);
  process.exitCode = 1;
}
