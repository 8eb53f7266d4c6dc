import type { Pool } from '../lib/database.ts';

/** A supervisor waits some seconds for the answer of `/healthz`; a database that takes longer is away. */
const answerWithinMs = 5_000;

/** Questions without an answer yet: a database that hangs is asked once, however often people look. */
const asked = new Map<Pool, Promise<string>>();

/** Whether each database answers: `ok`, or what is wrong, by its name. Takes as long as the slowest, five seconds at most. */
export async function databaseHealth(pools: ReadonlySet<Pool>): Promise<Record<string, string>> {
  const names = pools.size === 1 ? ['database'] : ['database of runs', 'database of orders'];
  const states = await Promise.all([...pools].map((pool) => within(ask(pool))));
  return Object.fromEntries(states.map((state, i) => [names[i] ?? 'database', state]));
}

function ask(pool: Pool): Promise<string> {
  const before = asked.get(pool);
  if (before) return before;
  const question = pool
    .query('select 1')
    .then(
      () => 'ok',
      () => 'does not answer',
    )
    .finally(() => asked.delete(pool));
  asked.set(pool, question);
  return question;
}

async function within(answer: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('does not answer'), answerWithinMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
