import type { Database } from '../lib/database.ts';
import { tableExists } from './event-log.ts';

/*
 * Where BIOMERO's four Python listeners stand in the log. Their tables have two shapes in the field: one row per event
 * read (key: application and event), or one row per application that is updated in place (key: application alone).
 * Neither is ever created here: Python would take a table that we made for its own.
 */

const listeners = ['jobaccounting', 'jobprogress', 'workflowprogress', 'workflowanalytics'] as const;
const application = 'WorkflowTracker';

interface Cursor {
  readonly table: string;
  /** True for the shape with a row per event. */
  readonly rowPerEvent: boolean;
  /** Id of the last event that the listener has read; 0 before the first. */
  readonly at: number;
}

/** True where some of Python's listeners have been. */
export async function pythonListens(db: Database): Promise<boolean> {
  for (const listener of listeners) if (await tableExists(db, `${listener}_tracking`)) return true;
  return false;
}

/** Cursors of the listeners that there are, locked against their writers until the transaction ends. */
export async function lockCursors(tx: Database): Promise<Cursor[]> {
  const cursors: Cursor[] = [];
  for (const listener of listeners) {
    const table = `${listener}_tracking`;
    if (!(await tableExists(tx, table))) continue;
    await tx.query(`lock table ${table} in exclusive mode`);
    const { rows: found } = await tx.query<{ at: number }>(
      `select coalesce(max(notification_id), 0) as at from ${table} where application_name = $1`,
      [application],
    );
    const { rows: shape } = await tx.query<{ key: boolean }>(
      `select exists (
         select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
         where i.indrelid = to_regclass($1) and i.indisprimary and a.attname = 'notification_id') as key`,
      [table],
    );
    cursors.push({ table, rowPerEvent: shape[0]?.key ?? false, at: found[0]?.at ?? 0 });
  }
  return cursors;
}

/** Moves cursors forward to an event, each in the shape it was found in; one that is further stays. */
export async function advanceCursors(tx: Database, cursors: readonly Cursor[], to: number): Promise<void> {
  for (const { table, rowPerEvent, at } of cursors) {
    if (at >= to) continue;
    const { rowCount } = rowPerEvent
      ? { rowCount: 0 }
      : await tx.query(`update ${table} set notification_id = $2 where application_name = $1`, [application, to]);
    if (!rowCount)
      await tx.query(`insert into ${table} (application_name, notification_id) values ($1, $2)`, [application, to]);
  }
}
