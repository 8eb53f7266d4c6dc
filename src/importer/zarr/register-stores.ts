import type { Logger } from 'pino';
import type { OmeroSession } from '../../omero/session.ts';
import type { FileResult } from '../../orders/file-results.ts';
import type { OrderJournal } from '../order-journal.ts';
import type { ImportOrder } from '../parse-order.ts';
import { registerStore } from './register-store.ts';

/**
 * Registers the OME-Zarrs of an order one after another. The session is on record meanwhile, so that a successor ends it
 * before it looks what is missing. Results are written as they come.
 *
 * @param own paths that this order registered in an earlier try
 * @throws the signal's reason, and errors of OMERO that another try may overcome
 */
export async function registerStores(
  {
    session,
    journal,
    order,
    log,
    signal,
  }: {
    session: OmeroSession;
    journal: OrderJournal;
    order: ImportOrder;
    log: Logger;
    signal: AbortSignal;
  },
  paths: readonly string[],
  own: ReadonlySet<string>,
): Promise<FileResult[]> {
  if (paths.length === 0) return [];
  const work = { session, destination: order.destination, signal: AbortSignal.any([signal, session.lost]) };
  await journal.sessionOpened(session.context.sessionId);
  const results: FileResult[] = [];
  for (const path of paths) {
    work.signal.throwIfAborted();
    const result = await registerStore(work, path);
    if (result.state === 'already-there' && own.has(path)) result.state = 'imported';
    log.info({ path, state: result.state, images: result.imageIds.length }, 'an OME-Zarr was registered');
    await journal.results([result]);
    results.push(result);
  }
  await journal.sessionEnded();
  return results;
}
