import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveGroupFolder } from '../../archive/group-folder.ts';
import { stages } from '../../domain/vocabulary.ts';
import type { Pool } from '../../lib/database.ts';
import { encodeOmeTiff } from '../../lib/ome-tiff.ts';
import { Cleanup } from '../../omero/check/cleanup.ts';
import type { OmeroSession } from '../../omero/session.ts';
import { cancelOrder } from '../../orders/cancel-order.ts';
import { orderUuid } from '../../orders/order-uuid.ts';
import { placeOrder } from '../../orders/place-order.ts';
import { isTerminal, readOrder, type OrderState } from '../../orders/read-order.ts';
import type { DoctorCheck, DoctorFinding, DoctorSite } from '../check.ts';

const annotationsWithinMs = 30_000;
const tidyMs = 30_000;

export const smoke: DoctorCheck = {
  id: 'smoke',
  title: 'an order from end to end',
  tests:
    'With `--smoke`: writes a tiny image into the folder of a group, orders its import into a dataset of its own, waits for whichever importer takes it, looks for image and annotations in OMERO, and removes all of it. The order stays in the ledger.',
  roles: ['worker', 'importer'],
  needs: ['orders-database', 'omero', 'storage'],
  costly: true,
  limitMs: 10 * 60_000,
  run: async (site) => {
    const { orders, actAs, config } = site;
    if (!site.smoke) return { outcome: 'skipped', found: 'only with --smoke' };
    if (!orders || !config.storage.baseDir || !config.omero.host)
      return { outcome: 'skipped', found: 'no database, storage or OMERO is configured' };
    if (!config.importerEnabled) return { outcome: 'skipped', found: 'IMPORTER_ENABLED is off: results are uploaded' };
    if (!actAs) return { outcome: 'skipped', found: 'say with --user and --group for whom' };
    return site.omero.as(actAs.user, actAs.group, async (session) => {
      const cleanup = new Cleanup();
      let finding: DoctorFinding;
      try {
        finding = await tryOrder(site, orders, session, cleanup);
      } catch (error) {
        await cleanup.run();
        throw error;
      }
      const left = await cleanup.run();
      if (!left.length) return finding;
      const found = `${finding.found}; left behind: ${left.join('; ')}`;
      const remedy = finding.remedy ?? 'Remove by hand what is named; its name begins with biomero-bridge-smoke.';
      return {
        ...finding,
        outcome: finding.outcome === 'ok' ? 'warning' : finding.outcome,
        found,
        remedy,
        who: finding.who ?? 'admin',
      };
    });
  },
};

async function tryOrder(
  { config, smokeMs, signal }: DoctorSite,
  pool: Pool,
  session: OmeroSession,
  cleanup: Cleanup,
): Promise<DoctorFinding> {
  const { groupId, groupName, userName } = session.context;
  const mark = `biomero-bridge-smoke-${randomBytes(4).toString('hex')}`;
  const began = performance.now();
  const base = await resolveGroupFolder(config.storage, { id: groupId, name: groupName });
  const folder = join(base.path, `.${mark}`);
  // Left behind, a folder of another user's would be in the worker's way.
  if (!existsSync(base.path)) {
    await mkdir(base.path);
    cleanup.add(`the folder ${base.path}`, () => rmdir(base.path).catch(ignoreNotEmpty));
  }
  cleanup.add(`the folder ${folder}`, () => rm(folder, { recursive: true, force: true }));
  await mkdir(folder);
  await chmod(folder, 0o755);
  const path = join(folder, `${mark}.ome.tif`);
  const pixels = Uint8Array.from({ length: 256 }, (_, i) => i);
  const image = { width: 16, height: 16, pixels, name: mark, channel: 'smoke', pixelSize: null };
  await writeFile(path, encodeOmeTiff(image), { mode: 0o644 });
  await chmod(path, 0o644);
  const dataset = await session.createDataset(mark, 'Made by the doctor of biomero-bridge, to be removed at its end.');
  cleanup.add(`dataset ${dataset}`, () => session.deleteObjects('Dataset', [dataset]));
  cleanup.add('the imported image', async () => {
    const found = await session.filesetsByClientPath([path]);
    await session.deleteObjects('Fileset', [...new Set(found.map((f) => f.filesetId))]);
  });
  const taskId = randomUUID();
  const uuid = orderUuid({ taskId, jobId: 0, destination: { type: 'Dataset', id: dataset }, part: 1 });
  // An order whose image is gone must not be taken later.
  cleanup.add(`order ${uuid}`, () => endOrder(pool, uuid));
  await placeOrder(pool, {
    uuid,
    groupName,
    userName,
    destinationType: 'Dataset',
    destinationId: dataset,
    files: [path],
    link: { taskId, runId: randomUUID(), archivePath: folder, part: 1, retryOf: null },
  });
  const order = await ended(pool, uuid, smokeMs, signal);
  if (signal.aborted) return { outcome: 'skipped', found: 'interrupted; what was made is removed again' };
  if (order?.stage !== stages.completed) return stuck(order, smokeMs, config.importer.logDir);
  const [fileset] = (await session.filesetsByClientPath([path])).filter((f) => f.imageIds.length > 0);
  if (!fileset)
    return {
      outcome: 'problem',
      found: `the order says "${order.stage}", but OMERO has no image of ${path}`,
      remedy: "Read the importer's log of this order; the importer says done before OMERO has the image.",
      who: 'admin',
    };
  if (!(await annotated(session, fileset.imageIds, config.importer.annotationNamespace)))
    return {
      outcome: 'warning',
      found: `image ${fileset.imageIds.join(', ')} was imported, but bears no annotation of ${config.importer.annotationNamespace}`,
      remedy: 'Compare annotation_namespace of settings.yml here and at the importer, and read its log.',
      who: 'admin',
    };
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  return {
    outcome: 'ok',
    found: `imported and annotated for ${userName} in ${groupName} after ${seconds} s; all of it is removed again`,
  };
}

async function ended(pool: Pool, uuid: string, withinMs: number, signal?: AbortSignal): Promise<OrderState | null> {
  const end = performance.now() + withinMs;
  for (;;) {
    const order = await readOrder(pool, uuid);
    if ((order && isTerminal(order.stage)) || performance.now() > end || signal?.aborted) return order;
    await sleep(200);
  }
}

async function endOrder(pool: Pool, uuid: string): Promise<void> {
  const order = await readOrder(pool, uuid);
  if (!order || isTerminal(order.stage)) return;
  await cancelOrder(pool, uuid, 'doctor', 'the trial order of doctor --smoke took too long');
  // Whoever works on it lets go before its image is removed.
  await ended(pool, uuid, tidyMs);
}

async function annotated(session: OmeroSession, imageIds: readonly number[], ns: string): Promise<boolean> {
  const end = performance.now() + annotationsWithinMs;
  for (;;) {
    if ((await session.mapAnnotations('Image', [...imageIds], ns)).length > 0) return true;
    if (performance.now() > end) return false;
    await sleep(500);
  }
}

/** Where the order stopped, in words, and who can mend it. */
function stuck(order: OrderState | null, smokeMs: number, logDir: string): DoctorFinding {
  const at = `stopped at "${order?.stage ?? 'nothing'}"`;
  const why = order?.trouble ? `: ${order.trouble.reason}` : order?.description ? `: ${order.description}` : '';
  const code = order?.trouble?.code;
  const seconds = Math.round(smokeMs / 1000);
  const problem = { outcome: 'problem', who: 'admin' } as const;
  if (order?.stage === stages.failed)
    return {
      ...problem,
      found: at + why,
      remedy: `Read the log of the import in ${logDir} on the importer's machine.`,
    };
  const found = `${at} after ${seconds} s${why}`;
  if (code)
    return {
      ...problem,
      found,
      remedy: `See ${code} in docs/reference/errors.md, or \`biomero-bridge orders show ${order.uuid}\`.`,
    };
  if (order?.stage === stages.pending)
    return {
      ...problem,
      found,
      remedy:
        'No importer takes orders of this database: start one; its INGEST_TRACKING_DB_URL must name this database.',
    };
  return {
    ...problem,
    found,
    remedy: `The import hangs: read its log in ${logDir} on the importer's machine, and look whether OMERO can read the storage at the same path.`,
  };
}

/** Somebody has begun to use it. */
function ignoreNotEmpty(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
