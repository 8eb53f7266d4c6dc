import type { Database } from '../lib/database.ts';

/** One thing in an archive that people look at: a file, or a whole `.zarr` folder. */
export interface ArchivedFile {
  /** The archive's folder. */
  root: string;
  /** Relative to it, as our records have it. */
  path: string;
  /** Null for a folder. */
  bytes: number | null;
  kind: string;
  /** Tells the content from any other for good. */
  identity: string;
}

/**
 * Looks a file of a run's archive up by its path. The path given is compared with our records and nothing else is done
 * with it; the one returned is ours. Null when the archive has no such file.
 */
export async function findArchivedFile(db: Database, taskId: string, path: string): Promise<ArchivedFile | null> {
  const { rows } = await db.query<{ root: string; path: string; bytes: number; kind: string; sha256: string }>(
    `select a.path as root, f.path, f.bytes, f.kind, f.sha256
     from bridge.archives a join bridge.archive_files f on f.task_id = a.task_id
     where a.task_id = $1 and a.kept and f.path = $2`,
    [taskId, path],
  );
  const file = rows[0];
  if (file) return { root: file.root, path: file.path, bytes: file.bytes, kind: file.kind, identity: file.sha256 };
  if (!path.toLowerCase().endsWith('.zarr')) return null;
  const { rows: inside } = await db.query<{ root: string; manifest: string; path: string }>(
    `select a.path as root, a.manifest_sha256 as manifest, f.path
     from bridge.archives a join bridge.archive_files f on f.task_id = a.task_id
     where a.task_id = $1 and a.kept and starts_with(f.path, $2) limit 1`,
    [taskId, `${path}/`],
  );
  const first = inside[0];
  if (!first) return null;
  const folder = first.path.slice(0, path.length);
  return { root: first.root, path: folder, bytes: null, kind: 'image', identity: `${first.manifest} ${folder}` };
}
