import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { SlurmConfig } from '../config/config.ts';
import type { Delivered } from '../runs/delivery.ts';
import { readRun } from '../runs/read-runs.ts';
import { insertArchive } from '../runs/write-run.ts';
import { LocalTransport } from '../slurm/local.ts';
import { Slurm } from '../slurm/slurm.ts';
import type { LogPiece } from './job-log.ts';
import type { Problem } from './problem.ts';
import { runRoutes } from './routes/runs.ts';
import { appOf } from './testing/app-of.ts';
import { plainRun } from './testing/web-parts.ts';

let db: TestDatabase;
let app: Hono;
let home: string;
beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  home = await mkdtemp(join(tmpdir(), 'biomero-bridge-cluster-'));
  const slurm = new Slurm(new LocalTransport({ home, env: { PATH: '/usr/bin:/bin' } }), {
    workflows: {},
  } as unknown as SlurmConfig);
  const sources = { runs: db.pool, orders: db.pool };
  app = appOf(runRoutes({ sources, slurm }), db.pool, pino({ level: 'silent' }));
});
afterAll(async () => {
  await db.drop();
  await rm(home, { recursive: true });
});

let lastJob = 100;

/** A run, as far as it has come: `archive` names the files that were brought home to a folder. */
async function runWith(o: {
  job?: 'runs' | 'ended';
  ended?: boolean;
  archive?: { folder: string; files: string[]; kept: boolean };
  attachedTo?: number;
  delivered?: Delivered;
}): Promise<{ id: string; log: string; job: number }> {
  const id = await plainRun(db.pool, 1, { id: 1, name: 'g' });
  const job = ++lastJob;
  const set = (sql: string, ...values: unknown[]): Promise<unknown> =>
    db.pool.query(`update bridge.runs set ${sql} where id = $1`, [id, ...values]);
  if (o.job) await set('job_id = $2', job);
  if (o.job === 'ended') await set('job_ended_at = now()');
  if (o.ended) await set(`ended_at = now(), outcome = 'done'`);
  if (o.archive && !o.archive.kept) await set(`recipe = 'get-results'`);
  if (o.attachedTo)
    await set(
      `annotated_at = now(), destination_type = 'Dataset', destination_id = $2, destination_name = 'd'`,
      o.attachedTo,
    );
  if (o.delivered) await set('delivered = $2', JSON.stringify(o.delivered));
  const taskId = (await readRun(db.pool, id))?.taskId ?? '';
  if (o.archive) {
    const { folder, files, kept } = o.archive;
    const listed = files.map((path) => ({
      path: path.replace('JOB', `${job}`),
      bytes: 1,
      sha256: 'x',
      kind: 'log' as const,
    }));
    const archive = { path: folder, files: listed, bytes: 1, manifestSha256: 'x', images: [] };
    await insertArchive(db.pool, id, taskId, archive, { kept });
  }
  return { id, log: `omero-${job}.log`, job };
}

/** What both addresses answer when there is no log: they must not differ. */
async function refusal(id: string): Promise<Problem> {
  const [piece, whole] = [await app.request(`/api/runs/${id}/log`), await app.request(`/api/runs/${id}/log/download`)];
  const problem = (await piece.json()) as Problem;
  expect(await whole.json()).toEqual(problem);
  return problem;
}

async function piece(id: string, from = 0): Promise<LogPiece> {
  const answer = await app.request(`/api/runs/${id}/log?from=${from}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as LogPiece;
}

const kept = async (files: string[]): Promise<{ folder: string; files: string[]; kept: boolean }> => ({
  folder: await temporaryFolder('archive'),
  files,
  kept: true,
});

test('before the job has written anything the log is still to come', async () => {
  for (const job of [undefined, 'runs'] as const)
    expect(await refusal((await runWith(job ? { job } : {})).id)).toMatchObject({ status: 404, code: 'LOG_NOT_THERE' });
});

test('of a run without a job, or of a job that left none, no log is to come', async () => {
  expect(await refusal((await runWith({ ended: true })).id)).toMatchObject({
    code: 'LOG_NEVER_WRITTEN',
    title: 'This run has no log: it ended before it had a job.',
  });
  const { id, job } = await runWith({ job: 'ended' });
  expect((await refusal(id)).title).toMatch(`job ${job} wrote none, or it was removed from the cluster before`);
  const quiet = await runWith({ job: 'ended', ended: true, archive: await kept(['manifest-sha256.txt']) });
  expect((await refusal(quiet.id)).title).toBe(`This run has no log: job ${quiet.job} wrote none.`);
});

test('a log on the cluster is read from there, and is complete once the run has ended', async () => {
  const on = await runWith({ job: 'ended' });
  const off = await runWith({
    job: 'ended',
    ended: true,
    archive: { ...(await kept(['omero-JOB.log'])), kept: false },
  });
  for (const { log } of [on, off]) await writeFile(join(home, log), 'one\ntwo\n');
  expect(await piece(on.id, 4)).toEqual({ from: 4, next: 8, size: 8, text: 'two\n', complete: false });
  expect(await piece(off.id)).toMatchObject({ text: 'one\ntwo\n', complete: true });
  expect(await (await app.request(`/api/runs/${off.id}/log/download`)).text()).toBe('one\ntwo\n');
});

test('the log of an archive is shown whatever was removed from the cluster', async () => {
  const archive = await kept(['omero-JOB.log']);
  const { id, log } = await runWith({ job: 'ended', ended: true, archive });
  await writeFile(join(archive.folder, log), 'kept\n');
  expect(await piece(id)).toEqual({ from: 0, next: 5, size: 5, text: 'kept\n', complete: true });
  const whole = await app.request(`/api/runs/${id}/log/download`);
  expect(whole.headers.get('content-disposition')).toBe(`attachment; filename="${log}"`);
  expect(await whole.text()).toBe('kept\n');
});

test('what stands in the place of an archived log is not followed out of the archive, and what is gone is told', async () => {
  const outside = join(await temporaryFolder('outside'), 'secret');
  await writeFile(outside, 'secret');
  const archive = await kept(['omero-JOB.log']);
  const { id, log } = await runWith({ job: 'ended', ended: true, archive });
  // On the cluster there is one of the same name: it is not the one that was verified.
  await writeFile(join(home, log), 'other\n');
  const gone = { status: 409, code: 'ARCHIVED_FILE_REFUSED', title: `${log} is not read: it is not there any more.` };
  expect(await refusal(id)).toMatchObject(gone);
  await symlink(outside, join(archive.folder, log));
  expect(await refusal(id)).toMatchObject({ ...gone, title: `${log} is not read: it is a link.` });
  await rm(join(archive.folder, log));
  await mkdir(join(archive.folder, log));
  expect(await refusal(id)).toMatchObject({ ...gone, title: `${log} is not read: it is no file any more.` });
  await rm(archive.folder, { recursive: true });
  expect((await refusal(id)).title).toBe(`${log} is not read: ${archive.folder} cannot be seen from this server.`);
});

test('a log that went with the data on the cluster is told where it hangs in OMERO', async () => {
  const delivered: Delivered = {
    files: [{ what: 'log', name: 'omero.log', to: { type: 'Project', id: 7 }, fileId: 1, annotationId: 1 }],
    renamed: 0,
    rois: 0,
    notDone: [],
  };
  const uploaded = async (more: { attachedTo?: number; delivered?: Delivered } = {}): ReturnType<typeof runWith> =>
    runWith({ job: 'ended', ended: true, archive: { ...(await kept(['omero-JOB.log'])), kept: false }, ...more });
  const { id, job, log } = await uploaded({ attachedTo: 51 });
  expect(await refusal(id)).toMatchObject({
    status: 404,
    code: 'LOG_GONE',
    title: `The log of job ${job} is not on the cluster any more, and this site keeps no archive of it.`,
    detail: `Look for it in OMERO: ${log} is attached to Dataset 51.`,
  });
  const both = await uploaded({ attachedTo: 51, delivered });
  expect((await refusal(both.id)).detail).toContain(`${both.log} is attached to Dataset 51 and Project 7.`);
  const failed = await uploaded();
  expect((await refusal(failed.id)).detail).toBe('Look for it in OMERO: this run has not attached it.');
});
