/** A workflow of BIOMERO's own, up to where its orchestrator calls the script that brings results home. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Slurm } from '../../src/slurm/slurm.ts';
import type { Transport } from '../../src/slurm/transport.ts';
import type { ClusterSite } from './cluster-site.ts';
import { askPythonTracker } from './python-tracker.ts';

export interface PythonWorkflow {
  workflow: string;
  /** The task with the Slurm job. */
  analysis: string;
  job: number;
}

/** The job's script of such a workflow: it says where its data are, as BIOMERO's do. */
export const announcing = 'echo "Running theirs Job w/ images | image.sif | $DATA_PATH | scripts |"';

/**
 * Writes the workflow as Python does and runs its job, whose results are these files.
 *
 * @param o.listeners whether Python's listeners fill the views meanwhile
 */
export async function pythonWorkflow(
  site: Pick<ClusterSite, 'database' | 'home' | 'config' | 'until'>,
  transport: Transport,
  owner: { user: number; group: number },
  results: Record<string, Buffer>,
  o: { listeners?: boolean } = {},
): Promise<PythonWorkflow> {
  const { listeners = false } = o;
  const { results: made } = askPythonTracker(site.database.url, {
    listeners,
    commands: [
      ['initiate_workflow', ['theirs', 'd', owner.user, owner.group]],
      ['start_workflow', [{ result: 0 }]],
      ['add_task_to_workflow', [{ result: 0 }, 'theirs', 'v1', 'in', { json: '{"diameter": 3}' }]],
      ['start_task', [{ result: 2 }]],
    ],
    read: { workflow: 0, tasks: [] },
  });
  const [workflow, analysis] = [String(made[0]), String(made[2])];
  const data = join(site.home, 'my-scratch', 'data', `theirs_${workflow}`);
  mkdirSync(join(data, 'data', 'out'), { recursive: true });
  for (const [name, bytes] of Object.entries(results)) writeFileSync(join(data, 'data', 'out', name), bytes);
  const argv = ['sbatch', '--parsable', '--output=omero-%j.log', 'slurm-scripts/jobs/theirs.sh'];
  const job = Number((await transport.exec(argv, { env: { DATA_PATH: data } })).stdout);
  const slurm = new Slurm(transport, site.config.slurm);
  await site.until(async () => (await slurm.observe([job])).get(job)?.phase === 'succeeded');
  askPythonTracker(site.database.url, {
    listeners,
    commands: [
      ['add_job_id', [{ uuid: analysis }, job]],
      ['update_task_status', [{ uuid: analysis }, 'COMPLETED']],
    ],
    read: { workflow, tasks: [] },
  });
  return { workflow, analysis, job };
}

/** Ends the analysis and adds the import task, as the orchestrator does before it calls the script; gives its id. */
export function pythonImportTask(url: string, { workflow, analysis }: PythonWorkflow, listeners = false): string {
  const { results } = askPythonTracker(url, {
    listeners,
    commands: [
      ['complete_task', [{ uuid: analysis }, 'ok']],
      ['add_task_to_workflow', [{ uuid: workflow }, 'SLURM_Import_Results.py', '2.8.2', { IDs: [1] }, {}]],
      ['start_task', [{ result: 1 }]],
    ],
    read: { workflow, tasks: [] },
  });
  return String(results[1]);
}
