// Holds the service to the GraphQL-over-HTTP specification, by the audits of the npm package graphql-http.

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { serverAudits } from 'graphql-http';

const program = new URL('../target/debug/academic-directory', import.meta.url).pathname;

// The private Postgres may run as another user, who must reach its folder.
const folder = mkdtempSync(join(tmpdir(), 'academic-directory-audit-'));
chmodSync(folder, 0o755);
const service = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(folder, 'data')], {
  cwd: folder,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise((resolve) => service.once('exit', resolve));

async function address() {
  for await (const line of createInterface({ input: service.stdout })) {
    const [name, value] = line.trim().split(/\s+/);
    if (name === 'GraphQL') return value;
  }
  throw new Error('the service ended before it said where it listens');
}

async function audit() {
  const url = await address();
  const failed = [];
  const audits = serverAudits({ url, fetchFn: fetch });
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status !== 'ok') failed.push(`${audit.id} ${audit.name}: ${result.reason}`);
  }
  console.log(`${audits.length - failed.length} of ${audits.length} audits of GraphQL over HTTP are ok`);
  failed.forEach((line) => console.error(line));
  return failed.length === 0 && audits.length >= 61;
}

try {
  process.exitCode = (await audit()) ? 0 : 1;
} finally {
  service.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
