import { delimiter, join } from 'node:path';
import { createLogger } from '../lib/logger.ts';
import { importJob } from '../runs/import-job.ts';
import { Slurm } from '../slurm/slurm.ts';
import { openTransport } from '../slurm/transport.ts';
import { Tracker } from '../tracking/tracker.ts';
import { openSite } from './site.ts';

export interface ImportOptions {
  workflow?: string;
  dataset?: number;
  screen?: number;
  user?: string;
  group?: string;
  cleanup?: boolean;
  ended?: boolean;
  data: string;
}

/** `import JOB`: makes a run of a finished job and prints its id; a worker brings the results home. */
export async function importFinishedJob(jobId: number, options: ImportOptions): Promise<void> {
  const site = await openSite(options.data);
  const log = createLogger({ level: 'error', destination: process.stderr });
  // Beside the quick start its Slurm's commands are found in the data folder.
  const path = [join(options.data, 'cluster', 'bin'), process.env['PATH'] ?? ''].join(delimiter);
  const transport = openTransport(site.config.slurm, { log, env: { PATH: path } });
  try {
    const tracker = new Tracker(site.runs, site.config.tracking, { log });
    await tracker.ensureTables();
    const destination =
      options.dataset !== undefined
        ? { type: 'Dataset' as const, id: options.dataset }
        : options.screen !== undefined
          ? { type: 'Screen' as const, id: options.screen }
          : null;
    const id = await importJob(
      { ...site, slurm: new Slurm(transport, site.config.slurm), transport, tracker },
      {
        jobId,
        workflowId: options.workflow ?? null,
        pythonTaskId: null,
        destination,
        delivery: null,
        userName: options.user ?? null,
        groupName: options.group ?? null,
        cleanup: options.cleanup ?? false,
        ended: options.ended ?? false,
      },
    );
    process.stdout.write(`${id}\n`);
    if (process.stdout.isTTY) process.stdout.write(`Follow it with: biomero-bridge status ${id.slice(0, 8)}\n`);
  } finally {
    await transport.close();
    await site.close();
  }
}
