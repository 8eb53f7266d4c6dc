import pg from 'pg';

/** A pool or a client that is inside a transaction; queries take either. */
export interface Database {
  query<R extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>>;
}

export type Pool = pg.Pool;

/**
 * Opens a pool. bigint columns arrive as numbers (ids here stay far below 2^53); a lost idle connection is reported
 * to `onError` and replaced at the next query. With `queryTimeoutMs` a connection whose other side vanished without a word
 * is given up after so long, and not when the system does, which may be a quarter of an hour later.
 */
export function openPool(
  url: string,
  options: { max?: number; queryTimeoutMs?: number; onError?: (error: Error) => void } = {},
): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 8,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
    application_name: 'biomero-bridge',
    types: { getTypeParser },
  });
  pool.on('error', options.onError ?? (() => {}));
  return pool;
}

/** pg's own parsers, but int8 as a number. */
export const getTypeParser: typeof pg.types.getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === 20 ? (v: string) => Number(v) : pg.types.getTypeParser(oid, format)) as never;

/**
 * True for errors that say nothing of what was asked: the server is away, restarting, full, read-only or gave way to
 * another transaction (SQLSTATE classes 08, 25, 40, 53, 55, 57, 58), or the connection was lost. The same may succeed later.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: string };
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) return /^(08|25|40|53|55|57|58)/.test(code);
  return /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout)/.test(error.message);
}

/** Runs `work` in one transaction on one connection; rolls back when it throws. */
export async function transaction<T>(pool: Pool, work: (tx: Database) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((e: Error) => (broken = e));
    throw error;
  } finally {
    client.release(broken);
  }
}
