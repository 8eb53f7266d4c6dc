import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { packageFile } from '../../lib/package-root.ts';
import { makeSampleImages } from './images.ts';
import { fillIn, installNucleiWorkflow } from './install-workflow.ts';

async function jobFolder(): Promise<{ home: string; data: string; inFolder: string }> {
  const home = await temporaryFolder('job home');
  const data = join(home, 'my-scratch', "it's $HOME data");
  for (const name of ['in', 'out', 'gt']) await mkdir(join(data, 'data', name), { recursive: true });
  return { home, data, inFolder: join(data, 'data', 'in') };
}

function runJob(script: string, env: Record<string, string>): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('bash', [script], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

describe('installNucleiWorkflow', () => {
  it('installs a job that analyses data/in, logs as BIOMERO reads it and leaves a manifest', async () => {
    const { home, data, inFolder } = await jobFolder();
    await installNucleiWorkflow(home);
    await installNucleiWorkflow(home);
    const script = join(home, 'slurm-scripts', 'jobs', 'nuclei.sh');
    expect((await stat(script)).mode & 0o111).not.toBe(0);
    await makeSampleImages(inFolder, { seed: 3, count: 1, size: 128 });
    const { code, stdout, stderr } = runJob(script, { DATA_PATH: data, MIN_AREA: '20', DIAMETER: 'None' });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    // BIOMERO's own expression for the data path of a job.
    expect(/Running [\w-]+? Job w\/ .+? \| .+? \| (.+?) \|.*/i.exec(stdout)?.[1]).toBe(data);
    const records = (await readFile(join(data, 'data', 'out.manifest'), 'utf8')).split('\0').slice(0, -1);
    expect(records.map((r) => r.slice(r.indexOf(' ') + 1))).toEqual(['measurements.csv', 'nuclei_01_labels.ome.tif']);
    for (const record of records) {
      const [size, name] = [Number.parseInt(record, 10), record.slice(record.indexOf(' ') + 1)];
      expect((await stat(join(data, 'data', 'out', name))).size).toBe(size);
    }
  });

  it('fails when the program does, yet says what it wrote', async () => {
    const { home, data, inFolder } = await jobFolder();
    await installNucleiWorkflow(home);
    await makeSampleImages(inFolder, { seed: 3, count: 1, size: 64 });
    await writeFile(join(inFolder, 'broken.tif'), 'no');
    const { code } = runJob(join(home, 'slurm-scripts', 'jobs', 'nuclei.sh'), { DATA_PATH: data });
    expect(code).toBe(1);
    expect(await readFile(join(data, 'data', 'out.manifest'), 'utf8')).toContain(' nuclei_01_labels.ome.tif\0');
  });

  it('refuses a wrong parameter without running code in it', async () => {
    const { home, data } = await jobFolder();
    await installNucleiWorkflow(home);
    const trap = join(home, 'trap');
    const script = join(home, 'slurm-scripts', 'jobs', 'nuclei.sh');
    const { code, stderr } = runJob(script, { DATA_PATH: data, THRESHOLD: `$(touch ${trap})"; touch ${trap}; "` });
    expect(code).toBe(2);
    expect(stderr).toContain('--threshold takes a number');
    await expect(stat(trap)).rejects.toThrow('ENOENT');
  });

  it('does not start without a data path', async () => {
    const { home } = await jobFolder();
    await installNucleiWorkflow(home);
    expect(runJob(join(home, 'slurm-scripts', 'jobs', 'nuclei.sh'), {}).stderr).toContain('DATA_PATH names no folder');
  });
});

describe('fillIn', () => {
  it('starts a program whose path holds every character that a shell minds', async () => {
    const { home, data } = await jobFolder();
    const folder = join(home, 'a \'b\' "c" $d `e` $& \\ &;|*\nf');
    await mkdir(folder);
    const program = join(folder, 'run');
    await writeFile(program, '#!/bin/sh\nprintf "%s\\n" "$1" >"$0.seen"\n');
    await chmod(program, 0o755);
    const script = join(home, 'job.sh');
    const template = await readFile(packageFile('workflows', 'nuclei', 'job.sh'), 'utf8');
    await writeFile(script, fillIn(template, [program, '$& x']));
    expect(runJob(script, { DATA_PATH: data })).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(`${program}.seen`, 'utf8')).toBe('$& x\n');
    await rm(folder, { recursive: true });
  });
});
