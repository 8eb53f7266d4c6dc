import { bridgeError, type BridgeError } from '../domain/errors.ts';
import type { Pool } from '../lib/database.ts';

/** What is done to an order by a function of the database (`migrations/orders/0012-orders-together.sql`). */
export type OrderCall = { order: string } & (
  | { do: 'claim'; holder: string; ttl: number; since: number }
  | { do: 'start'; token: number; since: number; paths: readonly string[] }
  | { do: 'session'; token: number; session: number; host: string }
  | { do: 'settle'; token: number; results: unknown; ended: boolean }
  | {
      do: 'close';
      token: number;
      since: number;
      terminal: string;
      file_names: string | null;
      description: string | null;
      results: unknown;
    }
);

/** Characters; a longer call goes alone, as it would keep the others waiting. */
const mostGathered = 64 * 1024;
/** Calls in one statement. */
const mostCalls = 64;

interface Waiting {
  text: string;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Calls of the orders of one importer. While a statement is under way, the calls of other orders gather for the next one:
 * a lone order waits for nobody, and in a burst many share one round trip and one commit. Each call fails by itself.
 * What an import process waits for does not wait for what comes after other imports.
 */
export class OrderCalls {
  readonly #before: Lane;
  readonly #after: Lane;

  constructor(pool: Pool) {
    this.#before = new Lane(pool);
    this.#after = new Lane(pool);
  }

  /**
   * The function's answer. Resolves when it is committed.
   *
   * @throws the database's error, its `code` BB001 to BB003 as in `migrations/orders/0006-order-journal.sql`
   */
  call(call: OrderCall): Promise<unknown> {
    const lane = call.do === 'settle' || call.do === 'close' ? this.#after : this.#before;
    return lane.call(JSON.stringify(call));
  }
}

/** Calls that travel together, one statement at a time. */
class Lane {
  readonly #pool: Pool;
  #waiting: Waiting[] = [];
  #underWay = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  call(text: string): Promise<unknown> {
    if (text.length > mostGathered) return this.#alone(text);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      if (!this.#underWay) void this.#send();
    });
  }

  async #send(): Promise<void> {
    this.#underWay = true;
    // Calls of the same turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      await this.#sendTogether(this.#waiting.splice(0, mostCalls));
    }
    this.#underWay = false;
  }

  async #sendTogether(calls: readonly Waiting[]): Promise<void> {
    interface Answer extends Record<string, unknown> {
      place: number;
      answer: unknown;
      code: string | null;
      detail: string | null;
    }
    let answers: Answer[];
    try {
      const all = `[${calls.map((call) => call.text).join(',')}]`;
      ({ rows: answers } = await this.#pool.query<Answer>('select * from bridge.order_calls($1)', [all]));
    } catch {
      // All were undone. Which of them cannot be done, or waits for somebody, shows when each goes alone.
      for (const call of calls) this.#alone(call.text).then(call.resolve, call.reject);
      return;
    }
    for (const { place, answer, code, detail } of answers) {
      const call = calls[place - 1];
      if (code === null) call?.resolve(answer);
      else call?.reject(Object.assign(new Error('refused by the database'), { code, detail }));
    }
  }

  async #alone(text: string): Promise<unknown> {
    const { rows } = await this.#pool.query<{ answer: unknown }>('select bridge.order_call($1) as answer', [text]);
    return rows[0]?.answer ?? null;
  }
}

/** What our functions refuse by the number of an error; every other error as it is. */
export function refusalOf(error: unknown, uuid: string): unknown {
  const { code, detail } = error as { code?: string; detail?: string };
  if (code === 'BB001') return leaseLost(uuid);
  if (code === 'BB002') return bridgeError('ORDER_CLOSED', { order: uuid });
  if (code === 'BB003') return bridgeError('ANOTHER_IMPORTER', { order: uuid, stage: detail ?? '' });
  return error;
}

/** True when the database could not do it with what this order holds: data exceptions, constraints, limits of size. */
export function isOfThisOrder(error: unknown): boolean {
  return /^(22|23|54)/.test((error as { code?: string }).code ?? '');
}

export function leaseLost(uuid: string): BridgeError {
  return bridgeError('LEASE_LOST', { resource: `order:${uuid}` });
}
