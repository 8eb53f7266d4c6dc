import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { stepNames } from '../../domain/vocabulary.ts';
import type { Pool } from '../../lib/database.ts';
import { PreviewMaker } from '../../previews/preview-maker.ts';
import type { ImportJobContext } from '../../runs/import-job.ts';
import { SourceImages } from '../../runs/source-images.ts';
import { insertRun } from '../../runs/write-run.ts';
import type { Slurm } from '../../slurm/slurm.ts';
import { Identity } from '../identity/identity.ts';
import type { Viewer } from '../identity/viewer.ts';
import { LiveRuns } from '../live-runs.ts';
import { ShareAccess } from '../sharing/share-access.ts';
import type { WebAppParts } from '../web-app.ts';

/** The pages' parts on one database, without OMERO and cluster. `person` is what OMERO says of the makers of links. */
export function webParts(
  pool: Pool,
  o: { storageFolder: string; signal: AbortSignal; person?: (userId: number) => Promise<Viewer | null> },
): WebAppParts {
  const sources = { runs: pool, orders: pool };
  const log = pino({ level: 'silent' });
  const cookie = { secure: false, path: '/' };
  return {
    sources,
    // No run has a job, so nothing is asked of the cluster.
    slurm: {} as Slurm,
    // Nothing is started: it has no workflows.
    site: {
      config: { slurm: { workflows: {} }, importer: { logDir: o.storageFolder } },
    } as unknown as ImportJobContext,
    live: new LiveRuns(sources, log),
    identity: new Identity({ token: null, omero: null, cookie, trustProxy: false }),
    shares: new ShareAccess({
      on: true,
      runs: pool,
      cookie,
      person: o.person ?? (async () => null),
      quickStart: false,
    }),
    omeroWeb: null,
    storage: { baseDir: o.storageFolder, mappingFiles: [] },
    omeroGroups: async () => [],
    doctor: async () => [],
    sourceImages: new SourceImages({ as: () => Promise.reject(new Error('no OMERO here')) }, o.storageFolder),
    previews: new PreviewMaker('/nonexistent', log),
    address: () => ({ hosts: ['here'], origins: ['http://here'], path: '/', secure: false }),
    health: async () => ({}),
    signal: o.signal,
    log,
  };
}

/** A run without a job; its id. */
export async function plainRun(pool: Pool, owner: number, group: { id: number; name: string }): Promise<string> {
  const id = randomUUID();
  await insertRun(
    pool,
    {
      id,
      taskId: randomUUID(),
      workflowTaskId: randomUUID(),
      workflow: 'nuclei',
      workflowVersion: '1',
      parameters: {},
      recipe: 'import-results',
      user: { id: owner, name: 'owner' },
      group,
      input: { type: 'Dataset', id: 1, name: 'input' },
      dataPath: 'data',
      status: 'INITIALIZING',
    },
    stepNames,
  );
  return id;
}
