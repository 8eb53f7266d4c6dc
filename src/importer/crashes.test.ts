import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { stages } from '../domain/vocabulary.ts';
import { clientPathOf } from '../omero/client-path.ts';
import { identifyProcess, isAlive, parseIdentity, type ProcessIdentity } from '../lib/process-identity.ts';
import { fileResults } from '../orders/file-results.ts';
import { appendStage } from '../orders/stages.ts';
import { ImporterSite } from './testing/importer-site.ts';

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

interface Case {
  uuid: string;
  dataset: number;
  files: string[];
}

async function threeFiles(name: string): Promise<Case> {
  const dataset = await site.dataset();
  const files: string[] = [];
  for (const i of [1, 2, 3]) files.push(await site.image(`${name}-${i}.tif`));
  return { uuid: await site.order(files, dataset), dataset, files };
}

/** Each image once, annotated once, the stages once, nothing left running. */
async function expectImportedOnce({ uuid, dataset, files }: Case, processes: ProcessIdentity[]): Promise<void> {
  expect((await site.closed(uuid)).stage).toBe('Import Completed');
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
  const images = await site.alice.imagesIn(dataset);
  expect(images.map((i) => i.name).sort()).toEqual(files.map((f) => f.split('/').at(-1)));
  const filesets = (await site.alice.filesetsByClientPath(files)).filter((f) => f.imageIds.length > 0);
  expect(filesets.map((f) => f.clientPath).sort()).toEqual(files.map(clientPathOf));
  const ids = images.map((i) => i.id);
  const annotations = await site.alice.mapAnnotations('Image', ids, 'biomero.import');
  expect(annotations.map((a) => a.targetId).sort()).toEqual([...ids].sort());
  const results = await fileResults(site.database.pool, uuid);
  expect(results.map((r) => r.imageIds[0]).sort()).toEqual([...ids].sort());
  expect(processes.filter((p) => isAlive(p))).toEqual([]);
}

/** The import process of an order, once it is known. */
async function importProcess(uuid: string): Promise<ProcessIdentity | null> {
  const { rows } = await site.database.pool.query('select process from bridge.import_sessions where order_uuid = $1', [
    uuid,
  ]);
  return parseIdentity(rows[0]?.['process']);
}

const moments: [name: string, pauseMs: number, reached: (c: Case) => Promise<boolean>][] = [
  ['the order is begun', 0, async (c) => (await site.stages(c.uuid)).includes('Started')],
  [
    'the session is stored',
    0,
    (c) => site.some('select 1 from bridge.import_sessions where order_uuid = $1', [c.uuid]),
  ],
  ['the import process runs', 0, async (c) => (await importProcess(c.uuid)) !== null],
  [
    'the first file is registered and has no image yet',
    700,
    async (c) => (await site.alice.filesetsByClientPath(c.files)).length > 0,
  ],
  ['the first image is there', 400, async (c) => (await site.alice.imagesIn(c.dataset)).length > 0],
  [
    'the first result is written',
    400,
    (c) => site.some(`select 1 from bridge.order_files where order_uuid = $1 and state = 'imported'`, [c.uuid]),
  ],
  ['all images are there', 0, async (c) => (await site.alice.imagesIn(c.dataset)).length === 3],
];

test.each(moments)(
  'an importer killed when %s is succeeded by one that finishes',
  async (name, pauseMs, reached) => {
    const order = await threeFiles(name.replace(/\W/g, '-'));
    const killed = site.process({ OMERO_STANDIN_PAUSE_MS: String(pauseMs) });
    await site.until(() => reached(order));
    const left = await importProcess(order.uuid);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    site.importer();
    await expectImportedOnce(order, left ? [left] : []);
  },
  60_000,
);

test('a successor on another machine ends the import through its OMERO session', async () => {
  const order = await threeFiles('elsewhere');
  // As Java does, it goes on when nobody reads what it writes any more.
  const unheard = join(site.storage, 'unheard');
  await writeFile(unheard, '#!/bin/sh\nexec "$@" >/dev/null 2>&1\n');
  await chmod(unheard, 0o755);
  const command = [unheard, ...site.config().importer.command];
  const killed = site.process({ OMERO_STANDIN_PAUSE_MS: '1500' }, { command });
  const left = await site.until(() => importProcess(order.uuid));
  await site.until(async () => (await site.alice.filesetsByClientPath(order.files)).length > 0);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await site.database.pool.query(`update bridge.import_sessions set host = 'elsewhere'`);
  site.importer();
  await expectImportedOnce(order, [left]);
}, 180_000);

test('an import process that goes on by itself is ended', async () => {
  const order = await threeFiles('goes-on');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  try {
    const identity = identifyProcess(child.pid ?? 0);
    if (!identity) throw new Error('not started');
    const again = await threeFiles('goes-on-with-it');
    // As an importer left it that died at once: started, with its process on record.
    await appendStage(site.database.pool, again.uuid, stages.started, { fileNames: null, description: null });
    await site.database.pool.query(
      'insert into bridge.import_sessions (order_uuid, session_id, process, host) values ($1, 0, $2, $3)',
      [again.uuid, identity, hostname()],
    );
    site.importer();
    await expectImportedOnce(again, [identity]);
    await expectImportedOnce(order, []);
  } finally {
    child.kill('SIGKILL');
  }
}, 180_000);

test('an importer that was paused beyond its lease, with an import under way, wakes up fenced out', async () => {
  const order = await threeFiles('paused');
  const paused = site.process({ OMERO_STANDIN_PAUSE_MS: '1500' });
  const left = await site.until(() => importProcess(order.uuid));
  await site.until(async () => (await site.alice.filesetsByClientPath(order.files)).length > 0);
  paused.kill('SIGSTOP');
  site.importer();
  await site.closed(order.uuid, 40_000);
  paused.kill('SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(identifyProcess(paused.pid ?? 0)).not.toBeNull();
  await expectImportedOnce(order, [left]);
}, 180_000);

test('an importer that is asked to stop hands over what it cannot finish in time', async () => {
  const order = await threeFiles('asked');
  const stopped = site.process({ OMERO_STANDIN_PAUSE_MS: '3000' });
  const left = await site.until(() => importProcess(order.uuid));
  await site.until(async () => (await site.alice.filesetsByClientPath(order.files)).length > 0);
  stopped.kill('SIGTERM');
  await once(stopped, 'exit');
  expect(stopped.exitCode).toBe(0);
  expect(isAlive(left)).toBe(false);
  expect(await site.stages(order.uuid)).toEqual(['Pending', 'Started']);
  expect(
    await site.some(`select 1 from bridge.leases where resource = $1 and expires_at > now()`, [`order:${order.uuid}`]),
  ).toBe(false);
  site.importer();
  await expectImportedOnce(order, [left]);
}, 180_000);

test('an importer that is asked to stop finishes what it can within the grace', async () => {
  const order = await threeFiles('finishes');
  const { stop } = site.importer({ graceMs: 20_000 });
  await site.until(() => importProcess(order.uuid));
  stop();
  await expectImportedOnce(order, []);
}, 180_000);

test('an import process that dies is tried again, and what it left is not imported twice', async () => {
  const order = await threeFiles('dies');
  site.process({ OMERO_STANDIN_PAUSE_MS: '500' });
  const process = await site.until(() => importProcess(order.uuid));
  await site.until(async () => (await site.alice.imagesIn(order.dataset)).length > 0);
  globalThis.process.kill(-process.pid, 'SIGKILL');
  await expectImportedOnce(order, [process]);
}, 180_000);
