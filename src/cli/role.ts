import type { Logger } from 'pino';
import { startApp, type App, type Role } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import { createLogger } from '../lib/logger.ts';
import { describeError } from '../domain/errors.ts';
import { checkImportProgram, checkManagedRepository, type Finding } from '../omero/agent/self-check.ts';
import { untilSignal } from './signals.ts';

/**
 * `worker`, `importer`, `web`: one role of a site, until a signal ends it. Logs go to standard error as JSON lines.
 *
 * @param options variables that the command line has set; they win
 */
export async function role(name: Role, options: Readonly<Record<string, string>> = {}): Promise<void> {
  const config = await loadConfig({ ...process.env, ...options }, [name]);
  const log = createLogger({ level: config.logLevel, destination: process.stderr });
  const app = await startApp({ config, roles: [name], log });
  if (app.web) log.info({ address: app.web.address }, 'the pages are served');
  else log.info({ role: name }, 'ready');
  // Told, not required: orders wait until it is mended.
  if (name === 'importer' || (name === 'worker' && !config.importerEnabled)) void logSelfCheck(app, name, log);
  try {
    await Promise.race([untilSignal(), app.failed]);
  } finally {
    await app.close();
  }
}

/** Whether this machine can import in place, or upload, in the log: an admin reads there first why nothing is imported. */
async function logSelfCheck({ config, omero }: App, role: Role, log: Logger): Promise<void> {
  const { command, runAs } = config.importer;
  const repository = async (): Promise<Finding> =>
    checkManagedRepository(await (await omero.admin()).managedRepositoryPath(), runAs);
  for (const [what, check] of [
    ['import program', () => checkImportProgram({ command, runAs })],
    ['managed repository', repository],
  ] as const) {
    // Uploads go through the server.
    if (role === 'worker' && check === repository) continue;
    try {
      const { outcome, detail, remedy } = await check();
      if (outcome === 'passed') log.info({ what }, detail);
      else log.warn({ what, remedy }, detail);
    } catch (error) {
      log.warn({ what, error: describeError(error) }, 'this could not be checked');
    }
  }
}
