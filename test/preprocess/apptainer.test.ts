import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerConfig } from '../../src/config/config.ts';
import { convertFile } from '../../src/importer/preprocess/convert-file.ts';
import { parsePreprocessing } from '../../src/importer/preprocess/preprocessing.ts';
import { packageFile } from '../../src/lib/package-root.ts';

// No apptainer can be had for these tests: a recorded one refuses what the real one does not document.
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-apptainer-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function converted(name: string, change: Partial<ContainerConfig> = {}, container = 'some/converter:1') {
  const file = join(folder, name);
  await writeFile(file, 'pixels');
  const program = join(folder, 'apptainer');
  const recorded = packageFile('test', 'support', 'recorded-apptainer.mjs');
  const env = `RECORDED_APPTAINER='${join(folder, 'argv')}'`;
  await writeFile(program, `#!/bin/sh\n${env} exec '${process.execPath}' '${recorded}' "$@"\n`, { mode: 0o755 });
  const settings = {
    command: [program],
    network: 'none',
    memory: '4g',
    seconds: 60,
    images: [],
    scratch: null,
    keepId: false,
  };
  const work = parsePreprocessing('order', {
    id: 1,
    container,
    input_file: '{Files}',
    output_folder: '/data',
    alt_output_folder: '/out',
    extra_params: null,
  });
  const { signal } = new AbortController();
  const options = { order: 'order', work, settings: { ...settings, ...change }, logDir: join(folder, 'logs'), signal };
  return convertFile({ ...options, onStart: () => undefined }, file, 1);
}

const argv = async (): Promise<string[]> =>
  JSON.parse((await readFile(join(folder, 'argv'), 'utf8')).trim().split('\n').at(-1) ?? '') as string[];

test('a file is converted without network and rights, its folder mounted for reading alone', async () => {
  const conversion = await converted('scan.lif', {}, 'ghcr.io/lab/converter@sha256:0123456789abcdef');
  expect(conversion).toMatchObject({ outputs: [{ name: 'made.tif' }] });
  const given = await argv();
  expect(given).toEqual(expect.arrayContaining(['--containall', '--cleanenv', '--no-privs', '--net', 'none', '4g']));
  expect(given).toContain(`${folder}:/data:ro`);
  expect(given).toContain('docker://ghcr.io/lab/converter@sha256:0123456789abcdef');
});

test('what the container said is told; a network that is allowed is named; an image of Docker Hub too', async () => {
  expect(await converted('broken.lif', { network: 'bridge' })).toBe(
    'its conversion ended with exit code 3: unknown block 7',
  );
  expect(await argv()).toEqual(
    expect.arrayContaining(['--net', '--network', 'bridge', 'docker://docker.io/some/converter:1']),
  );
});

test('what apptainer itself refuses is no fault of the file', async () => {
  const refusing = join(folder, 'refusing');
  await writeFile(refusing, '#!/bin/sh\necho "FATAL: no such image" >&2\nexit 255\n', { mode: 0o755 });
  await expect(converted('scan.lif', { command: [refusing, 'apptainer'] })).rejects.toMatchObject({
    code: 'CONTAINER_NOT_STARTED',
  });
});

test('a link in the place of the folder for results is not followed', async () => {
  const elsewhere = join(folder, 'elsewhere');
  await mkdir(elsewhere);
  await symlink(elsewhere, join(folder, '.processed'));
  expect(await converted('scan.lif')).toContain('.processed is no folder');
  expect(await readdir(elsewhere)).toEqual([]);
});

test('without a limit of memory none is asked for', async () => {
  await converted('scan.lif', { memory: null });
  expect(await argv()).not.toContain('--memory');
});

test('second copies go where the site says, and nothing of them is left', async () => {
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  const conversion = await converted('scan.lif', { scratch });
  expect(conversion).toMatchObject({ outputs: [{ name: 'made.tif' }] });
  expect((await argv()).some((part) => part.startsWith(`${scratch}/order/`) && part.endsWith(':/out:rw'))).toBe(true);
  expect(await readdir(scratch)).toEqual([]);
});
