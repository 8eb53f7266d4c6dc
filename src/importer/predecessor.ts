import type { Logger } from 'pino';
import type { Pool } from '../lib/database.ts';
import { stopProcessGroup } from '../lib/process-group.ts';
import type { OmeroSession } from '../omero/session.ts';
import { readImportSession, type ImportJournal } from './import-session.ts';
import { pause } from './pause.ts';

const lookAgainMs = 500;

/**
 * Ends what an earlier attempt at an order left: its import process, its OMERO session until that is gone, and then an
 * import that goes on inside the server gets time to end. Only after that can asking OMERO tell what is missing. Once
 * the session is gone nothing can write in it, so a job that is unfinished after `waitMs` is of an import that died: such
 * a job stays unfinished for ever.
 */
export async function endPredecessor(
  { pool, log }: { pool: Pool; log: Logger },
  journal: ImportJournal,
  admin: OmeroSession,
  paths: readonly string[],
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<void> {
  const left = await readImportSession(pool, journal.uuid);
  if (!left) return;
  // It leads a group of its own: the `omero` command has Java as its child, which may outlive it.
  if (left.process) await stopProcessGroup(left.process, { graceMs: 2_000 });
  await admin.closeSession(left.sessionId);
  // Counted from the first successor that got this far: it may have died while it waited.
  const deadline = performance.now() + waitMs - (await journal.sessionClosed());
  for (;;) {
    const empty = (await admin.filesetsByClientPath(paths)).filter((f) => !f.imageIds.length && !f.plateIds.length);
    const open = await admin.unfinishedImportJobs(empty.map((f) => f.filesetId));
    if (!open.length) break;
    if (performance.now() > deadline) {
      log.warn(
        { filesets: open },
        'imports whose session is gone were left unfinished in OMERO; they are counted as dead',
      );
      break;
    }
    await pause(lookAgainMs, signal);
  }
  // The next attempt need not wait for the same again.
  await journal.sessionEnded();
}
