import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { EarlySync } from './early-sync.ts';

const { signal } = new AbortController();

/** Puts a `sync` before the system's that notes its calls and ends with these codes, one after the other. */
async function syncThatEnds(...codes: number[]): Promise<() => Promise<number>> {
  const bin = await temporaryFolder('bin');
  const [calls, script] = [join(bin, 'calls'), join(bin, 'sync')];
  await writeFile(calls, '');
  await writeFile(
    script,
    `#!/bin/sh\necho "$1" >>"${calls}"\nexit "$(printf '%s\\n' ${codes.join(' ')} | sed -n "$(wc -l <"${calls}")p")"\n`,
  );
  await chmod(script, 0o755);
  const { PATH } = process.env;
  process.env['PATH'] = `${bin}:${PATH}`;
  onTestFinished(() => void (process.env['PATH'] = PATH));
  return async () => (await readFile(calls, 'utf8')).split('\n').filter((line) => line === '-f').length;
}

/** A folder that holds a file. */
async function written(): Promise<string> {
  const root = await temporaryFolder('staging');
  await writeFile(join(root, 'a.tif'), 'x');
  return root;
}

test('one at a time begins with every so many bytes, and one more at the end', async () => {
  const calls = await syncThatEnds(0, 0, 0);
  const sync = new EarlySync(await written(), signal, 100);
  for (const bytes of [50, 99]) sync.arrived(bytes);
  await sync.settle();
  expect(await calls()).toBe(0);
  for (const bytes of [120, 130, 400]) sync.arrived(bytes);
  await sync.settle();
  expect(await calls()).toBe(1);
  sync.arrived(401);
  await sync.settle();
  expect(await calls()).toBe(2);
  await sync.finish();
  expect(await calls()).toBe(3);
});

test('one that failed is told once only, so then every file is asked for itself', async () => {
  const calls = await syncThatEnds(1);
  const root = await written();
  const sync = new EarlySync(root, signal, 100);
  sync.arrived(100);
  await sync.settle();
  sync.arrived(300);
  await sync.finish();
  expect(await calls()).toBe(1);
});

test('what the files then say is told', async () => {
  const calls = await syncThatEnds(1);
  const sync = new EarlySync(join(await written(), 'gone'), signal, 100);
  sync.arrived(100);
  await expect(sync.finish()).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await calls()).toBe(1);
});
