import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/lib/package-root.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The built `start` with these variables around it: how it ends, and whether it has made its folder. */
async function start(
  environment: Record<string, string>,
): Promise<{ status: number | null; text: string; made: boolean }> {
  const data = join(await temporaryFolder('refused'), 'data');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [packageFile('dist', 'src', 'main.js'), 'start', '--once', '--data', data],
    { encoding: 'utf8', env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', ...environment }, timeout: 60_000 },
  );
  return { status, text: stdout + stderr, made: existsSync(data) };
}

// Its token makes whoever holds it an administrator, so it is for this machine; as the container image sets the first.
test.each([
  ['BIOMERO_BRIDGE_WEB_HOST', '0.0.0.0', 'the web role listens on 0.0.0.0'],
  ['BIOMERO_BRIDGE_WEB_URL', 'https://omero.example.org/bridge/', 'browsers use omero.example.org'],
  ['BIOMERO_BRIDGE_TRUST_PROXY', 'true', 'requests come through a proxy for others'],
])('start is refused at once with %s=%s', async (name, value, reason) => {
  const { status, text, made } = await start({ [name]: value });
  expect([status, made]).toEqual([1, false]);
  expect(text).toContain(
    `\`start\` is for this machine alone, but ${name} is set so that other machines reach the pages: ${reason}.`,
  );
  expect(text).toContain(`Unset ${name} and start again.`);
  expect(text).toContain('START_BEYOND_LOOPBACK');
});

test('a wrong value is told at once as well', async () => {
  const { status, text, made } = await start({ BIOMERO_BRIDGE_TRUST_PROXY: 'perhaps' });
  expect([status, made]).toEqual([78, false]);
  expect(text).toMatch(/BIOMERO_BRIDGE_TRUST_PROXY.*perhaps/s);
});
