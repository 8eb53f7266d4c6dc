import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';

/** A row of `imports`, as it stands: nothing in it is trusted before `parseOrder`. */
export interface OrderRow {
  id: number;
  uuid: string;
  group_name: string;
  user_name: string;
  destination_id: string;
  destination_type: string;
  stage: string;
  /** null when it is longer than `longestList`. */
  files: string | null;
  file_names: string | null;
  preprocessing_id: number | null;
}

/** Characters of the column `files`; about a million paths. */
export const longestList = 128 * 1024 * 1024;

/** What an order asks for: its first pending row; null for one that is closed. */
export async function readOpenOrderRow(db: Database, uuid: string): Promise<OrderRow | null> {
  const { rows } = await db.query<OrderRow & Record<string, unknown>>(
    `select id, uuid, group_name, user_name, destination_id, destination_type, stage,
       case when length(files) <= $3 then files end as files, file_names, preprocessing_id
     from imports where uuid = $1 and stage = $2
       and not exists (select from imports t where t.uuid = $1 and t.stage = any($4)) order by id limit 1`,
    [uuid, stages.pending, longestList, [stages.completed, stages.failed]],
  );
  return rows[0] ?? null;
}

/** The newest id of `imports` that is to be seen now. */
export async function newestRowId(db: Database): Promise<number> {
  const { rows } = await db.query<{ id: number | null }>('select max(id) as id from imports');
  return rows[0]?.id ?? 0;
}

/** How many of the newest rows are looked at: more than any importer writes between two looks. */
const lookedBack = 10_000;

/** A stage after row `since` that no importer of ours wrote: another kind of importer is at work. */
export async function findForeignStage(db: Database, since: number): Promise<{ uuid: string; stage: string } | null> {
  const { rows } = await db.query<{ uuid: string; stage: string }>(
    `select i.uuid, i.stage from imports i
     where i.id > greatest($1, (select max(id) from imports) - $2) and i.stage <> $3
       and not exists (select 1 from bridge.order_stages s where s.row_id = i.id)
     order by i.id limit 1`,
    [since, lookedBack, stages.pending],
  );
  return rows[0] ?? null;
}
