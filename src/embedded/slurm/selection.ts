import type { Job } from './job.ts';

/** A job, a whole array (`task` null) or one task of it. */
export interface JobId {
  id: number;
  task: number | null;
}

/** Job ids of a command line; the first that is none is returned as text. */
export function parseJobIds(texts: readonly string[]): JobId[] | string {
  const ids: JobId[] = [];
  for (const text of texts) {
    const [, id, task] = /^(\d+)(?:_(\d+))?(?:\.\w+)?$/.exec(text.trim()) ?? [];
    if (id === undefined) return text;
    ids.push({ id: Number(id), task: task === undefined ? null : Number(task) });
  }
  return ids;
}

export function isMatch(job: Job, wanted: JobId): boolean {
  if (wanted.task !== null) return job.array?.id === wanted.id && job.array.task === wanted.task;
  return job.id === wanted.id || job.array?.id === wanted.id;
}

/** Long and short words of Slurm's job states. */
export const stateWords: Readonly<Record<string, string>> = {
  PENDING: 'PD',
  RUNNING: 'R',
  SUSPENDED: 'S',
  COMPLETED: 'CD',
  CANCELLED: 'CA',
  FAILED: 'F',
  TIMEOUT: 'TO',
  NODE_FAIL: 'NF',
  PREEMPTED: 'PR',
  BOOT_FAIL: 'BF',
  DEADLINE: 'DL',
  OUT_OF_MEMORY: 'OOM',
  COMPLETING: 'CG',
  CONFIGURING: 'CF',
  RESIZING: 'RS',
  RESV_DEL_HOLD: 'RD',
  REQUEUED: 'RQ',
  REQUEUE_FED: 'RF',
  REQUEUE_HOLD: 'RH',
  REVOKED: 'RV',
  SIGNALING: 'SI',
  SPECIAL_EXIT: 'SE',
  STAGE_OUT: 'SO',
  STOPPED: 'ST',
};

/** The long word of a state given either way, in any case; null for none. */
export function stateOf(text: string): string | null {
  const wanted = text.trim().toUpperCase();
  return Object.entries(stateWords).find(([long, short]) => long === wanted || short === wanted)?.[0] ?? null;
}
