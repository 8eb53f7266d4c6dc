import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { packTar } from './pack-tar.ts';

test('GNU tar unpacks any name and any size byte for byte', async () => {
  const folder = await temporaryFolder('pack');
  const names = [
    'a',
    'ü 🜁.tif',
    ' x',
    `deep/${'n'.repeat(120)}/${'m'.repeat(90)}.tif`,
    "it's $HOME\n",
    '-rf',
    'n'.repeat(100),
  ];
  const files = [];
  for (const [index, name] of names.entries()) {
    const path = join(folder, 'from', String(index));
    await mkdir(dirname(path), { recursive: true });
    const content = Buffer.alloc([0, 1, 511, 512, 513, 3_000_000, 7][index] ?? 0, index + 65);
    await writeFile(path, content);
    files.push({ name, path, bytes: content.length });
  }
  const read: string[] = [];
  const packed = await buffer(Readable.from(packTar(files, (file) => read.push(file.name))));
  expect(read).toEqual(names);
  await mkdir(join(folder, 'to'));
  const { status, stderr } = spawnSync('tar', ['-x', '-f', '-', '-C', join(folder, 'to')], {
    input: packed,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const { name, path } of files)
    expect((await readFile(join(folder, 'to', name))).equals(await readFile(path)), name).toBe(true);
});

test('a file that is not as long as said is an error', async () => {
  const folder = await temporaryFolder('pack');
  const path = join(folder, 'short');
  await writeFile(path, 'four');
  for (const bytes of [3, 5])
    await expect(buffer(Readable.from(packTar([{ name: 'x', path, bytes }])))).rejects.toThrow(path);
});
