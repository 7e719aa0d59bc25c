// A service of its own, with the demonstration directory, for as long as something is asked of it.

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../target/debug/academic-directory', import.meta.url));

/** Starts the service with these variables, calls `use` with the address of its GraphQL, and ends the service. */
export async function withService(variables, use) {
  // The private Postgres may run as another user, who must reach its folder.
  const folder = mkdtempSync(join(tmpdir(), 'academic-directory-clients-'));
  chmodSync(folder, 0o755);
  const service = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(folder, 'data')], {
    cwd: folder,
    env: { ...process.env, LOG: 'warn', ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => service.once('close', resolve));
  try {
    return await use(await address(service));
  } finally {
    service.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function address(service) {
  for await (const line of createInterface({ input: service.stdout })) {
    const [name, value] = line.trim().split(/\s+/);
    if (name === 'GraphQL') return value;
  }
  throw new Error('the service ended before it said where it listens');
}
