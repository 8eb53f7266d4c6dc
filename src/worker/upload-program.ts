import type { ImporterConfig } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { checkImportProgram } from '../omero/agent/self-check.ts';

/** Configurations whose program was started by this process: it is not started again for each run. */
const started = new WeakSet<ImporterConfig>();

/**
 * Whether this machine can upload images, found by starting the import program: asked before a job is submitted whose
 * results would have to wait for an admin.
 *
 * @throws UPLOAD_PROGRAM_UNUSABLE, IMPORT_AS_ROOT
 */
export async function requireUploadProgram(importer: ImporterConfig): Promise<void> {
  if (started.has(importer)) return;
  const { outcome, detail, remedy } = await checkImportProgram(importer);
  if (outcome === 'failed') throw bridgeError('UPLOAD_PROGRAM_UNUSABLE', { detail, advice: remedy ?? '' });
  started.add(importer);
}
