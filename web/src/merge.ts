import type { RunSummary, RunView } from '../../src/runs/view.ts';

/** The snapshot to keep: never one of an older revision, whatever order they arrive in. */
export function newerView<T extends RunView>(old: T | null, next: T): T {
  return old && old.id === next.id && old.revision > next.revision ? old : next;
}

/** Runs by id, each in its newest revision, newest launch first. */
export function mergeSummaries(old: RunSummary[], next: RunSummary[]): RunSummary[] {
  const byId = new Map(old.map((run) => [run.id, run]));
  for (const run of next) {
    const there = byId.get(run.id);
    if (!there || there.revision <= run.revision) byId.set(run.id, run);
  }
  return [...byId.values()].sort((a, b) => (a.launchedAt < b.launchedAt ? 1 : a.launchedAt > b.launchedAt ? -1 : 0));
}
