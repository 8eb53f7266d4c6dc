import type { WorkflowConfig } from '../config/config.ts';
import { writeClusterFile } from '../slurm/write-file.ts';
import { generatedMark, jobScript } from '../workflows/job-script.ts';
import { loadDescriptor } from '../workflows/load-descriptor.ts';
import type { WorkerContext } from './context.ts';

/** Prints a file; 44 when there is none. */
const readScript = '[ -e "$1" ] || exit 44; head -c 262144 <"$1"';

/**
 * Sees to it that the workflow has its job script on the cluster: a site's own stays as it is; one that is missing, or
 * that an earlier descriptor gave, is generated. Without a descriptor nothing is done, and `sbatch` tells what it misses.
 */
export async function ensureJobScript(ctx: WorkerContext, workflow: WorkflowConfig): Promise<void> {
  const { slurm } = ctx.config;
  const path = `${slurm.scriptPath.replace(/\/+$/, '')}/${workflow.job}`;
  const { code, stdout } = await ctx.transport.exec(['sh', '-c', readScript, 'sh', path]);
  if (code !== 0 && code !== 44) return;
  if (code === 0 && !stdout.includes(generatedMark)) return;
  // Only now: a site's own script must not wait for an address that does not answer.
  const loaded = await loadDescriptor(workflow, ctx.config.descriptors);
  if (!loaded) return;
  const text = jobScript(workflow.name, loaded.descriptor, slurm.submission?.injectGpuFlag ?? false);
  if (stdout !== text) await writeClusterFile(ctx.transport, path, text, '0755');
}
