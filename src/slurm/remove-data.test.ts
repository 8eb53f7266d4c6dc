import { existsSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { announcedDataPath, verifiedDataPath } from './data-path.ts';
import { LocalTransport } from './local.ts';
import { removeJobData } from './remove-data.ts';

interface Place {
  home: string;
  transport: LocalTransport;
  /** Unfinished jobs that `squeue` tells. */
  queue(text: string): Promise<void>;
}

async function place(): Promise<Place> {
  const home = await temporaryFolder('data');
  await mkdir(join(home, 'bin'));
  const queue = async (text: string): Promise<void> => {
    await writeFile(join(home, 'bin', 'squeue'), `#!/bin/sh\n${text}\n`);
    await chmod(join(home, 'bin', 'squeue'), 0o755);
  };
  await queue('exit 0');
  await mkdir(join(home, 'data', 'wf_one', 'data', 'out'), { recursive: true });
  await mkdir(join(home, 'data', 'deep', 'wf_one'), { recursive: true });
  await mkdir(join(home, 'elsewhere', 'wf_one'), { recursive: true });
  await writeFile(join(home, 'omero-7.log'), 'log');
  return { home, transport: new LocalTransport({ home, env: { PATH: `${home}/bin:/usr/bin:/bin` } }), queue };
}

test("removes the job's own folder and log, and does so again without harm", async () => {
  const { home, transport } = await place();
  const job = { root: 'data', path: 'data/wf_one', jobId: 7, own: 'one' };
  expect(await removeJobData(transport, job)).toEqual({ outcome: 'removed' });
  expect(existsSync(join(home, 'data', 'wf_one'))).toBe(false);
  expect(existsSync(join(home, 'omero-7.log'))).toBe(false);
  expect(existsSync(join(home, 'data', 'deep'))).toBe(true);
  expect(await removeJobData(transport, job)).toEqual({ outcome: 'removed' });
});

test.each([
  ['the data root itself', 'data', 'data', /not a folder right below/],
  ['a path that leads out', 'data/../elsewhere/wf_one', 'one', /not a folder right below/],
  ['a folder deeper in', 'data/deep/wf_one', 'one', /not a folder right below/],
  ['a link', 'data/link_one', 'one', /symbolic link/],
  ["somebody else's", 'data/wf_one', 'two', /is not the job's/],
  ['no mark of the job', 'data/wf_one', '', /nothing tells/],
])('%s is never removed', async (_, path, own, reason) => {
  const { home, transport } = await place();
  await symlink(join(home, 'elsewhere', 'wf_one'), join(home, 'data', 'link_one'));
  const removal = await removeJobData(transport, { root: 'data', path, jobId: 7, own });
  expect(removal).toMatchObject({ outcome: 'refused', reason: expect.stringMatching(reason) });
  for (const kept of ['data/wf_one/data/out', 'data/deep/wf_one', 'elsewhere/wf_one', 'omero-7.log'])
    expect(existsSync(join(home, kept)), kept).toBe(true);
});

test('what an unfinished job uses stays until that has ended, and so does all while the queue is silent', async () => {
  const { home, transport, queue } = await place();
  const job = { root: 'data', path: join(home, 'data', 'wf_one'), jobId: 7, own: 'one' };
  await writeFile(join(home, 'omero-9.log'), 'Running x Job w/ i | s | my/data/wf_one | p | false | \n');
  await queue('echo 7; echo 8; echo 9');
  expect(await removeJobData(transport, job)).toEqual({ outcome: 'in use', reason: 'job 9 uses it' });
  await queue('echo down >&2; exit 1');
  expect(await removeJobData(transport, job)).toMatchObject({ outcome: 'failed' });
  expect(existsSync(join(home, 'data', 'wf_one'))).toBe(true);
  await queue('echo 7; echo 8');
  expect(await removeJobData(transport, job)).toEqual({ outcome: 'removed' });
});

test('a data path is taken from a log only when it is the only one, and only below the root', async () => {
  const line = (path: string): string => `Running a-b_1 Job w/ images | x.sif | ${path} | scripts | false | 1 2\n`;
  expect(announcedDataPath(1, `noise\n${line('data/wf_one')}more\n${line('data/wf_one')}`)).toBe('data/wf_one');
  expect(() => announcedDataPath(1, 'nothing')).toThrow(/holds no line/);
  expect(() => announcedDataPath(1, line('a') + line('/etc'))).toThrow(/names several: a, \/etc/);
  const { home, transport } = await place();
  await symlink('/etc', join(home, 'data', 'etc'));
  expect(await verifiedDataPath(transport, 'data', 'data/wf_one')).toBe(join(home, 'data', 'wf_one'));
  for (const path of ['data', 'data/..', 'elsewhere/wf_one', 'data/etc', '/etc', 'data/none', '-P', '', 'a\nb'])
    await expect(verifiedDataPath(transport, 'data', path), path).rejects.toMatchObject({ code: 'DATA_PATH_REFUSED' });
  await expect(verifiedDataPath(transport, 'none', 'data/wf_one')).rejects.toThrow(/data root itself/);
});
