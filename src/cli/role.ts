import { startApp, type Role } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import { createLogger } from '../lib/logger.ts';
import { untilSignal } from './signals.ts';

/** `worker`, `importer`, `web`: one role of a site, until a signal ends it. Logs go to standard error as JSON lines. */
export async function role(name: Role): Promise<void> {
  const config = await loadConfig(process.env, [name]);
  const log = createLogger({ level: config.logLevel, destination: process.stderr });
  const app = await startApp({ config, roles: [name], log });
  if (app.web) log.info({ address: app.web.address }, 'the pages are served');
  else log.info({ role: name }, 'ready');
  try {
    await Promise.race([untilSignal(), app.failed]);
  } finally {
    await app.close();
  }
}
