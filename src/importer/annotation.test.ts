import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { OmeroAccess } from '../omero/access.ts';
import type { OmeroSession } from '../omero/session.ts';
import { fileResults } from '../orders/file-results.ts';
import { readOrder } from '../orders/read-order.ts';
import { runImporter } from './importer.ts';
import { ImporterSite } from './testing/importer-site.ts';

// What follows an import, and import processes that never succeed.

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

/** The session with some of its methods replaced. */
function changed(session: OmeroSession, methods: Partial<OmeroSession>): OmeroSession {
  return new Proxy(session, {
    get(target, name) {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' && !Reflect.has(methods, name) ? value.bind(target) : value;
    },
  });
}

/** An importer whose sessions annotate as told. */
async function importerThat(annotate: (session: OmeroSession, nth: number) => OmeroSession['annotate']): Promise<void> {
  const config = site.config();
  const log = pino({ level: 'silent' });
  const omero = new OmeroAccess(config.omero, log);
  const stop = new AbortController();
  let nth = 0;
  const running = runImporter({
    ...{
      config,
      log,
      pool: site.database.pool,
      databaseUrl: site.database.url,
      signal: stop.signal,
      name: 'annotating',
    },
    omero: {
      close: () => omero.close(),
      async admin() {
        const admin = await omero.admin();
        return changed(admin, {
          async sudo(...args) {
            const session = await admin.sudo(...args);
            return changed(session, { annotate: annotate(session, nth++) });
          },
        });
      },
    },
  });
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
}

async function annotationsOf(dataset: number): Promise<number> {
  const ids = (await site.alice.imagesIn(dataset)).map((image) => image.id);
  return (await site.alice.mapAnnotations('Image', ids, 'biomero.import')).length;
}

test('an annotation that fails twice is made at the third try, once on each image', async () => {
  const dataset = await site.dataset();
  let calls = 0;
  await importerThat((session) => async (...args) => {
    // The first image gets its annotation at every try.
    if (++calls === 2 || calls === 4) throw new Error('the server is busy');
    await session.annotate(...args);
  });
  const uuid = await site.order([await site.image('thrice-1.tif'), await site.image('thrice-2.tif')], dataset);
  expect(await site.closed(uuid)).toMatchObject({ stage: 'Import Completed', description: null });
  expect([calls, await annotationsOf(dataset)]).toEqual([6, 2]);
});

test('an annotation that cannot be made does not undo the import, and the order says that it is missing', async () => {
  const dataset = await site.dataset();
  let calls = 0;
  await importerThat(() => async () => {
    calls++;
    throw new Error('no annotations today\u001b[2J');
  });
  const uuid = await site.order([await site.image('never.tif')], dataset);
  const order = await site.closed(uuid);
  expect(order.stage).toBe('Import Completed');
  expect(order.description).toBe('1 of 1 files imported. Not all images are annotated: no annotations today\\u001b[2J');
  expect([calls, await annotationsOf(dataset)]).toEqual([3, 0]);
  expect((await fileResults(site.database.pool, uuid)).map((r) => r.state)).toEqual(['imported']);
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
});

test('a session that ends between import and annotation is replaced by a new one', async () => {
  const dataset = await site.dataset();
  await importerThat((session, nth) => async (...args) => {
    if (nth === 0) {
      const admin = await new OmeroAccess(site.config().omero, pino({ level: 'silent' })).admin();
      await admin.closeSession(session.context.sessionId);
      await admin.close();
    }
    await session.annotate(...args);
  });
  const uuid = await site.order([await site.image('replaced.tif')], dataset);
  expect(await site.closed(uuid)).toMatchObject({ stage: 'Import Completed', description: null });
  expect(await annotationsOf(dataset)).toBe(1);
}, 180_000);

test.each<[string, (path: string) => Promise<unknown>]>([
  ['a link to what others may not read', (path) => symlink('/etc/passwd', path)],
  ['a pipe that nobody writes to', async (path) => execFileSync('mkfifo', [path])],
  ['a folder', (path) => mkdir(path)],
  ['two gigabytes', (path) => writeFile(path, 'a,1\n').then(() => truncate(path, 2_500_000_000))],
])('a metadata.csv that is %s says nothing, and holds nobody up', async (_, make) => {
  const dataset = await site.dataset();
  const image = await site.image(`metadata-${dataset}/a.tif`);
  const path = join(image, '..', 'metadata.csv');
  await make(path);
  const uuid = await site.order([image], dataset);
  site.importer();
  expect(await site.closed(uuid, 15_000)).toMatchObject({ stage: 'Import Completed', description: null });
  const ids = (await site.alice.imagesIn(dataset)).map((there) => there.id);
  const [annotation] = await site.alice.mapAnnotations('Image', ids, 'biomero.import');
  expect(annotation?.pairs.length).toBeGreaterThan(5);
  expect(annotation?.pairs.filter(([key]) => key.startsWith('csv_'))).toEqual([]);
  await rm(path, { recursive: true });
});

test('an import process that dies every time, as for want of memory, fails its order with that reason', async () => {
  const dataset = await site.dataset();
  const dying = join(site.storage, 'dying');
  await writeFile(dying, '#!/bin/sh\necho "java.lang.OutOfMemoryError: Java heap space" >&2\nkill -9 $$\n');
  await chmod(dying, 0o755);
  const uuid = await site.order([await site.image('dying.tif')], dataset);
  site.importer({ change: { command: [dying] } });
  let most = 0;
  // The pauses between the tries grow to minutes.
  const order = await site.until(async () => {
    await site.database.pool.query(
      'update bridge.order_attempts set next_at = clock_timestamp() where next_at > clock_timestamp()',
    );
    const now = await readOrder(site.database.pool, uuid);
    most = Math.max(most, now?.trouble?.failures ?? 0);
    return now?.stage === 'Import Failed' ? now : null;
  }, 180_000);
  expect(order.description).toMatch(/SIGKILL.*OutOfMemoryError/);
  expect(most).toBeGreaterThan(5);
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Failed']);
  expect(await site.alice.imagesIn(dataset)).toEqual([]);
}, 90_000);
