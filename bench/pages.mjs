// The figures of bench/pages.sh: node bench/pages.mjs GRAPHQL_URL DIRECTORY [--seconds 3] [--rounds 3]
// Needs wrk.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '3' } },
});
const [graphql, directory] = positionals;
const base = graphql.replace(/\/graphql$/, '');
/** What browsers send, and what clients without compression send. */
const ENCODINGS = ['gzip, deflate, br, zstd', 'identity'];
const CONNECTIONS = 8;
/** Sizes in bytes after brotli, and elements; measured at the profile of the sample data. */
const BUDGETS = { html: 18_000, css: 8_000, js: 16_000, elements: 600 };

const paths = [
  'people/razvan-pascanu',
  'papers/improving-fine-grained-understanding-in-image-text-pre-training',
  'topics/reinforcement-learning',
  'people',
  '',
];

async function get(path) {
  const response = await fetch(new URL(path, `${base}/`), { headers: { accept: 'text/html' } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.text();
}

/** The query of a page, which the page links to. */
function operation(html) {
  const link = html.match(/graphiql\?([^"]+)/)[1].replaceAll('&#38;', '&').replaceAll('&amp;', '&');
  const parameters = new URLSearchParams(link);
  return JSON.stringify({ query: parameters.get('query'), variables: JSON.parse(parameters.get('variables')) });
}

/** Requests per second. */
function rate(url, headers, body) {
  const script = join(directory, 'request.lua');
  writeFileSync(script, body ? `wrk.method = "POST"\nwrk.body = [==[${body}]==]\n` : '');
  const options = ['-t', '1', '-c', `${CONNECTIONS}`, '-d', `${values.seconds}s`, '-s', script];
  const output = execFileSync('wrk', [...options, ...headers.flatMap((header) => ['-H', header]), url], { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(output);
  return Number(output.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}

const median = (numbers) => numbers.sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
const brotli = (text) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

console.log('| page | HTML, bytes | gzip | brotli | elements |');
console.log('|---|---|---|---|---|');
const pages = [];
for (const path of paths) {
  const html = await get(`en/${path}`);
  const elements = html.match(/<[a-z][a-z0-9]*[\s>]/gi).length;
  pages.push({ path, html, elements });
  console.log(`| /en/${path} | ${Buffer.byteLength(html)} | ${gzipSync(html).length} | ${brotli(html)} | ${elements} |`);
}
const profile = pages[0];
const files = { css: /href="([^"]+\.css)"/, js: /src="([^"]+\.js)"/ };
const sizes = { html: brotli(profile.html), elements: profile.elements };
for (const [name, pattern] of Object.entries(files)) {
  const file = await get(new URL(profile.html.match(pattern)[1], `${base}/en/${profile.path}`));
  sizes[name] = brotli(file);
  console.log(`| ${name} | ${Buffer.byteLength(file)} | ${gzipSync(file).length} | ${sizes[name]} | |`);
}

console.log('\n| page | encoding | pages/s | cached GraphQL responses/s | ratio |');
console.log('|---|---|---|---|---|');
for (const { path, html } of pages) {
  for (const encoding of ENCODINGS) {
    const body = operation(html);
    const accepted = `Accept-Encoding: ${encoding}`;
    const page = () => rate(`${base}/en/${path}`, ['Accept: text/html', accepted]);
    const response = () => rate(graphql, ['Content-Type: application/json', 'Accept: application/json', accepted], body);
    const rates = { page: [], response: [] };
    for (let round = 0; round < Number(values.rounds); round += 1) {
      rates.page.push(page());
      rates.response.push(response());
    }
    const [pageRate, responseRate] = [median(rates.page), median(rates.response)];
    const ratio = (pageRate / responseRate).toFixed(2);
    console.log(`| /en/${path} | ${encoding} | ${pageRate.toFixed(0)} | ${responseRate.toFixed(0)} | ${ratio} |`);
  }
}

const exceeded = Object.entries(BUDGETS).filter(([name, budget]) => sizes[name] > budget * 1.05);
for (const [name, budget] of exceeded) console.error(`${name}: ${sizes[name]} exceeds the budget of ${budget} by more than 5 %`);
process.exitCode = exceeded.length === 0 ? 0 : 1;
