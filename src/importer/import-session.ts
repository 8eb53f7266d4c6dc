import { hostname } from 'node:os';
import type { Database } from '../lib/database.ts';
import type { FileResult } from '../orders/file-results.ts';
import { parseIdentity, type ProcessIdentity } from '../lib/process-identity.ts';

/** Where an import is written down: its session and process, so that a successor can end them, and its results. */
export interface ImportJournal {
  /** Under which `bridge.import_sessions` and `bridge.order_files` know it. */
  readonly uuid: string;
  results(results: readonly FileResult[]): Promise<void>;
  /** To be called before the import process starts. */
  sessionOpened(sessionId: number): Promise<void>;
  processStarted(sessionId: number, process: ProcessIdentity): Promise<void>;
  /** To be called when the session of an earlier attempt was closed; milliseconds since that was done first. */
  sessionClosed(): Promise<number>;
  /** To be called when nothing can go on in that session any more. */
  sessionEnded(): Promise<void>;
}

/** The OMERO session that an order's import runs, or ran, in. */
export interface ImportSession {
  sessionId: number;
  /** The import process, when it ran on this machine. */
  process: ProcessIdentity | null;
}

export async function readImportSession(db: Database, uuid: string): Promise<ImportSession | null> {
  const { rows } = await db.query<{ session_id: number; process: unknown; host: string }>(
    'select session_id, process, host from bridge.import_sessions where order_uuid = $1',
    [uuid],
  );
  const row = rows[0];
  if (!row) return null;
  return { sessionId: row.session_id, process: row.host === hostname() ? parseIdentity(row.process) : null };
}

export async function insertImportSession(db: Database, uuid: string, sessionId: number): Promise<void> {
  await db.query('select bridge.note_session($1, $2, $3)', [uuid, sessionId, hostname()]);
}

export async function setImportProcess(
  db: Database,
  uuid: string,
  sessionId: number,
  process: ProcessIdentity,
): Promise<void> {
  await db.query('update bridge.import_sessions set process = $3 where order_uuid = $1 and session_id = $2', [
    uuid,
    sessionId,
    process,
  ]);
}

/** Notes that the session was closed, unless that was noted before; milliseconds since then. */
export async function setSessionClosed(db: Database, uuid: string): Promise<number> {
  const { rows } = await db.query<{ ms: number }>(
    `update bridge.import_sessions set closed_at = coalesce(closed_at, clock_timestamp()) where order_uuid = $1
     returning extract(epoch from clock_timestamp() - closed_at)::float8 * 1000 as ms`,
    [uuid],
  );
  return rows[0]?.ms ?? 0;
}

export async function deleteImportSession(db: Database, uuid: string): Promise<void> {
  await db.query('delete from bridge.import_sessions where order_uuid = $1', [uuid]);
}
