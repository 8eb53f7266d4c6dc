import type { StepName } from '../domain/vocabulary.ts';

/** What stands for good, looked up before each step. Nothing else decides what happens next. */
export interface RunFacts {
  ended: boolean;
  /** Somebody gave the run up. */
  abandoned: boolean;
  submitted: boolean;
  /** Slurm's last word on the job. */
  job: 'none' | 'going' | 'succeeded' | 'failed';
  archived: boolean;
  /** Images among the archived files. */
  images: number;
  /** State of the newest order; where images are uploaded without one, whether it is known whereto. */
  order: 'none' | 'open' | 'completed' | 'failed';
  confirmed: boolean;
  annotated: boolean;
  /** The results as a whole are attached to their destination, whether there are images among them or not. */
  attaches: boolean;
}

export type NextStep = StepName | 'finish' | 'abandon' | 'none';

/**
 * Says which step a run needs. Pure: the same facts always give the same step, so that a crash anywhere costs a repeat
 * of one step that can be repeated.
 */
export function nextStep(facts: RunFacts): NextStep {
  if (facts.ended) return 'none';
  if (facts.abandoned) return 'abandon';
  if (!facts.submitted) return 'submit';
  if (!facts.archived) return facts.job === 'succeeded' ? 'archive' : 'follow';
  if (facts.images === 0 && !facts.attaches) return 'finish';
  if (facts.order === 'none') return 'order';
  if (!facts.confirmed && facts.images > 0) return 'import';
  if (!facts.annotated) return 'annotate';
  return 'finish';
}
