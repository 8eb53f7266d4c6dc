import { setTimeout as sleep } from 'node:timers/promises';
import { bridgeError, describeError } from '../domain/errors.ts';

/** What another try may cure: lock timeout, deadlock, serialization, two creators of one table, a lost connection. */
const passing = /^(?:55P03|40P01|40001|23505|42P07|57P0[1-3]|08...|53300|ECONN.*|EPIPE|ETIMEDOUT)$/;

/**
 * Runs an attempt until it gives something else than `again`; waits longer each time, as BIOMERO does (0.1 s doubled,
 * at most 5 s, with jitter). Throws TRACKING_BUSY when `attempts` did not help, other errors at once.
 */
export async function withRetries<T>(attempt: () => Promise<T | typeof again>, attempts = 8): Promise<T> {
  let last: unknown = null;
  for (let i = 0; i < attempts; i++) {
    if (i > 0) await sleep(Math.min(5000, 50 * 2 ** i) * (0.5 + Math.random() / 2));
    try {
      const result = await attempt();
      if (result !== again) return result;
      last = null;
    } catch (error) {
      if (!isPassing(error)) throw error;
      last = error;
    }
  }
  const reason = last === null ? 'others kept writing to the same workflow' : describeError(last);
  throw bridgeError('TRACKING_BUSY', { attempts, reason }, { cause: last ?? undefined });
}

/** Result of an attempt that lost a race and must read anew. */
export const again = Symbol('again');

function isPassing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // pg's own words for a connection that ended in the middle; they carry no code.
  return passing.test(code) || (error instanceof Error && error.message.startsWith('Connection terminated'));
}
