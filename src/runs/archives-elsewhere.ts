import type { Database } from '../lib/database.ts';

/** How many archives of a group lie outside a folder. */
export async function countArchivesElsewhere(db: Database, groupId: number, folder: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from bridge.archives a join bridge.runs r on r.id = a.run_id
     where r.group_id = $1 and not starts_with(a.path, rtrim($2, '/') || '/')`,
    [groupId, folder],
  );
  return rows[0]?.count ?? 0;
}
