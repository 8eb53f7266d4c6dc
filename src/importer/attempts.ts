import { describeError, isBridgeError, printable, type BridgeError, type ErrorCode } from '../domain/errors.ts';
import { isDatabaseAway, type Database } from '../lib/database.ts';

/** The order itself is at fault: it cannot succeed as it is, and is closed with that sentence. */
const faultsOfOrder: readonly ErrorCode[] = [
  'ORDER_INVALID',
  'DESTINATION_GONE',
  'DESTINATION_NOT_WRITABLE',
  'OMERO_USER_UNKNOWN',
  'OMERO_GROUP_UNKNOWN',
  'OMERO_NOT_IN_GROUP',
  'GROUP_FOLDER_OUTSIDE',
];

/** Perhaps the order's fault, perhaps not: tried `mostTries` times, then closed. */
const doubtful: readonly ErrorCode[] = [
  'CONTAINER_NOT_STARTED',
  'IMPORT_PROCESS_FAILED',
  'IMPORT_STALLED',
  'OMERO_FAILED',
  'OMERO_NOT_PERMITTED',
  'OMERO_OBJECT_GONE',
  'OMERO_REQUEST_REFUSED',
];
const mostTries = 8;

/**
 * What an import that ended with an error means for its order. `close`: it fails, with the error's sentence. `later`: the
 * site is at fault (OMERO, the database or the storage is away, the import program is missing, a password is wrong): an order must
 * not fail of that, so it is tried again until it is put right.
 */
export function afterError(error: unknown, failures: number): 'close' | 'later' {
  if (isBridgeError(error, ...faultsOfOrder)) return 'close';
  if (isDatabaseAway(error)) return 'later';
  // Anything that is no error of the registry was not foreseen: it may be the order that brings it about.
  const uncertain = !isBridgeError(error) || isBridgeError(error, ...doubtful);
  return uncertain && failures >= mostTries ? 'close' : 'later';
}

/** Why an import stopped, in words for a person. */
export function reasonOf(error: unknown): string {
  return printable(isBridgeError(error) ? `${error.message} ${error.remedy}` : describeError(error)).slice(0, 2_000);
}

/** Counts a failed attempt and sets when the order is tried again: after 1 s, doubled each time, at most 5 min. */
export async function noteFailure(db: Database, uuid: string, error: unknown): Promise<number> {
  const { rows } = await db.query<{ failures: number }>(
    `insert into bridge.order_attempts as a (order_uuid, failures, code, reason, next_at)
     values ($1, 1, $2, $3, clock_timestamp() + interval '1 second')
     on conflict (order_uuid) do update set failures = a.failures + 1, code = excluded.code, reason = excluded.reason,
       at = clock_timestamp(), next_at = clock_timestamp() + least(300, 2 ^ least(a.failures, 10)) * interval '1 second'
     returning failures`,
    [uuid, isBridgeError(error) ? error.code : null, reasonOf(error)],
  );
  await db.query(`select pg_notify('bridge_orders', $1)`, [uuid]);
  return rows[0]?.failures ?? 1;
}

/** Errors of orders that this version cannot import, and a later one may: they stay pending. */
export const waitingCodes = ['ORDER_NEEDS_PREPROCESSING'] as const satisfies readonly ErrorCode[];

/** Orders that waited under an earlier version for what there is now. */
const formerCodes = ['ORDER_NEEDS_ZARR'];

/** Far enough away for nobody to try again; an importer that starts looks at these orders anew. */
const never = '9999-01-01';

/** Notes why an order is left pending; true when it was not noted before. */
export async function noteWaiting(db: Database, uuid: string, error: BridgeError): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into bridge.order_attempts as a (order_uuid, failures, code, reason, next_at) values ($1, 0, $2, $3, $4)
     on conflict (order_uuid) do update set code = excluded.code, reason = excluded.reason, next_at = excluded.next_at
     where a.next_at <> excluded.next_at`,
    [uuid, error.code, reasonOf(error), never],
  );
  if (rowCount) await db.query(`select pg_notify('bridge_orders', $1)`, [uuid]);
  return rowCount === 1;
}

/** What waited for a version that can import it may be tried by this one. */
export async function lookAgainAtWaiting(db: Database): Promise<void> {
  await db.query('delete from bridge.order_attempts where code = any($1) and next_at = $2', [
    [...waitingCodes, ...formerCodes],
    never,
  ]);
}
