// Runs an instance of the service with the demonstration dataset.

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../target/debug/academic-directory', import.meta.url));

/** Starts the service with these environment variables, calls `use` with its GraphQL URL, and stops the service. */
export async function withService(environment, use) {
  // Postgres may run as another user, who needs access to the data directory.
  const directory = mkdtempSync(join(tmpdir(), 'academic-directory-clients-'));
  chmodSync(directory, 0o755);
  const service = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(directory, 'data')], {
    cwd: directory,
    env: { ...process.env, LOG: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => service.once('close', resolve));
  try {
    return await use(await graphqlUrl(service));
  } finally {
    service.kill('SIGTERM');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function graphqlUrl(service) {
  for await (const line of createInterface({ input: service.stdout })) {
    const [name, value] = line.trim().split(/\s+/);
    if (name === 'GraphQL') return value;
  }
  throw new Error('the service exited before it printed its GraphQL URL');
}
