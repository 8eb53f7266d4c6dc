import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { ownProgram } from '../lib/package-root.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
});
afterAll(() => db.drop());

/** What `web` prints until it serves or has ended. */
async function web(...options: string[]): Promise<string> {
  const [node = '', ...args] = ownProgram('src/main');
  const folder = await temporaryFolder('web-role');
  const child = spawn(node, [...args, 'web', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      SQLALCHEMY_URL: db.url,
      INGEST_TRACKING_DB_URL: db.url,
      IMPORTER_ENABLED: 'true',
      BIOMERO_BRIDGE_WEB_PORT: '0',
      BIOMERO_BRIDGE_WEB_TOKEN: 'a-token-of-sixteen-letters',
      BIOMERO_BRIDGE_CACHE_DIR: folder,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  const served = new Promise<void>((resolve) =>
    child.stderr.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('the pages are served')) resolve();
    }),
  );
  await Promise.race([served, once(child, 'close')]);
  return text;
}

test('web --trust-proxy counts as behind a proxy, where nobody signs in by token', async () => {
  expect(await web()).toContain('the pages are served');
  const refused = await web('--trust-proxy');
  expect(refused).not.toContain('the pages are served');
  expect(refused).toContain('Sign-in by token is on');
}, 60_000);
