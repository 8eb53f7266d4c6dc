/** What carries a revision replaces what has a lower one, however events and answers overtake each other. */
interface Revised {
  id: string;
  revision: number;
}

/**
 * The newer of two snapshots of one thing. The same revision may come with news: orders live in a table of their own
 * and do not raise it.
 */
export function newest<T extends Revised>(held: T | undefined, arrived: T): T {
  return held && held.id === arrived.id && held.revision > arrived.revision ? held : arrived;
}

/** All runs of two lists, the newest snapshot of each, those launched last first. */
export function mergeRuns<T extends Revised & { launchedAt: string }>(held: readonly T[], arrived: readonly T[]): T[] {
  const runs = new Map(held.map((run) => [run.id, run]));
  for (const run of arrived) runs.set(run.id, newest(runs.get(run.id), run));
  return [...runs.values()].sort(
    (a, b) => Date.parse(b.launchedAt) - Date.parse(a.launchedAt) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
  );
}
