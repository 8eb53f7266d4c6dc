import type { Database } from '../lib/database.ts';
import type { StepName, StepState } from '../domain/vocabulary.ts';

/** How far a step is; what is left out stays as it was. */
export interface StepProgress {
  filesDone?: number;
  filesTotal?: number;
  bytesDone?: number;
  bytesTotal?: number;
  detail?: string;
}

/** Begins a step, or counts a further attempt at it. A step that already runs in this attempt is left alone. */
export async function beginStep(tx: Database, runId: string, step: StepName): Promise<void> {
  await tx.query(
    `insert into bridge.steps (run_id, step, state, attempt, started_at)
     values ($1, $2, 'running', 1, clock_timestamp())
     on conflict (run_id, step) do update set state = 'running', attempt = bridge.steps.attempt + 1,
       started_at = coalesce(bridge.steps.started_at, clock_timestamp()), ended_at = null`,
    [runId, step],
  );
}

export async function progressStep(tx: Database, runId: string, step: StepName, p: StepProgress): Promise<void> {
  await tx.query(
    `update bridge.steps set files_done = coalesce($3, files_done), files_total = coalesce($4, files_total),
       bytes_done = coalesce($5, bytes_done), bytes_total = coalesce($6, bytes_total), detail = coalesce($7, detail)
     where run_id = $1 and step = $2`,
    [
      runId,
      step,
      p.filesDone ?? null,
      p.filesTotal ?? null,
      p.bytesDone ?? null,
      p.bytesTotal ?? null,
      p.detail ?? null,
    ],
  );
}

/** Ends a step as done or failed, or marks it as waiting for attention. */
export async function endStep(
  tx: Database,
  runId: string,
  step: StepName,
  state: Exclude<StepState, 'running' | 'waiting'>,
  detail?: string,
): Promise<void> {
  await tx.query(
    `update bridge.steps set state = $3, detail = coalesce($4, detail),
       ended_at = case when $3 = 'attention' then null else clock_timestamp() end
     where run_id = $1 and step = $2`,
    [runId, step, state, detail ?? null],
  );
}
