import { randomUUID } from 'node:crypto';
import { listen } from '../../lib/notify.ts';
import type { DoctorCheck } from '../check.ts';

const answerWithinMs = 5_000;

export const wakeUps: DoctorCheck = {
  id: 'wake-ups',
  title: 'notifications',
  tests: 'Listens on one connection for a word that another sends; connection poolers may swallow it.',
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database', 'runs-database'],
  run: async ({ runs, orders, config }) => {
    if (!runs && !orders) return { outcome: 'skipped', found: 'no database is configured' };
    const { databases } = config;
    const silent: string[] = [];
    if (runs && !(await heard(databases.runs, runs))) silent.push('of runs');
    if (orders && databases.orders !== databases.runs && !(await heard(databases.orders, orders)))
      silent.push('of upload orders');
    if (silent.length)
      return {
        outcome: 'warning',
        found: `the database ${silent.join(' and ')} was silent for ${answerWithinMs / 1000} s; changes are seen later, by looking`,
        remedy:
          'Connect to PostgreSQL itself, or set the pooler to session mode: LISTEN needs a connection that stays.',
        who: 'it',
      };
    return { outcome: 'ok', found: 'a word that was sent was heard' };
  },
};

/** Whether a connection of `url` hears what one of `sender` says. */
export async function heard(
  url: string,
  sender: { query(text: string, values: unknown[]): Promise<unknown> },
  withinMs = answerWithinMs,
): Promise<boolean> {
  const word = randomUUID();
  const channel = 'biomero_bridge_doctor';
  const stop = new AbortController();
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const late = setTimeout(() => resolve(false), withinMs);
      stop.signal.addEventListener('abort', () => clearTimeout(late));
      listen(url, [channel], (_, payload) => payload === word && resolve(true), {
        signal: stop.signal,
        onError: reject,
        onConnect: () => void sender.query('select pg_notify($1, $2)', [channel, word]).catch(reject),
      });
    });
  } finally {
    stop.abort();
  }
}
