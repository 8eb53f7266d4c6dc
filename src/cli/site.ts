import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/config.ts';
import { quickStartEnvironment, sampleGroup, sampleUser } from '../embedded/environment.ts';
import { openPool, type Pool } from '../lib/database.ts';
import { createLogger } from '../lib/logger.ts';
import { migrate } from '../lib/migrate.ts';
import { OmeroAccess } from '../omero/access.ts';
import { ensureImports } from '../orders/ensure-imports.ts';

export interface Site {
  config: Config;
  runs: Pool;
  orders: Pool;
  omero: OmeroAccess;
  close(): Promise<void>;
}

/**
 * The configuration for a short command: of the environment where it names a database, else of the quick start in the
 * data folder, so that `status` and `run` work beside `npm start` without settings.
 */
export async function loadSiteConfig(dataFolder: string): Promise<Config> {
  return loadConfig((await siteEnvironment(dataFolder)).env);
}

/** The environment for a short command; `from`: the file of the quick start that it comes from, null for the process's. */
export async function siteEnvironment(dataFolder: string): Promise<{ env: NodeJS.ProcessEnv; from: string | null }> {
  const from = join(dataFolder, 'config', 'environment.json');
  const elsewhere = ['SQLALCHEMY_URL', 'INGEST_TRACKING_DB_URL'].some(
    (name) => process.env[name] || process.env[`${name}_FILE`],
  );
  if (elsewhere || !existsSync(from)) return { env: process.env, from: null };
  return { env: await quickStartFile(dataFolder, from), from };
}

/**
 * The configuration for a look at OMERO, which needs no database: of the environment where it names a server, else of
 * the quick start in the data folder; then `sample` is whom its sample images belong to.
 */
export async function loadOmeroConfig(
  dataFolder: string,
): Promise<{ config: Config; sample: { user: string; group: string } | null }> {
  const written = join(dataFolder, 'config', 'environment.json');
  if (process.env['OMERO_HOST'] || !existsSync(written))
    return { config: await loadConfig(process.env, ['omero']), sample: null };
  const config = await loadConfig(await quickStartFile(dataFolder, written), ['omero']);
  return { config, sample: { user: sampleUser, group: sampleGroup } };
}

async function quickStartFile(dataFolder: string, file: string): Promise<NodeJS.ProcessEnv> {
  const env = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
  // Root's quick start runs as the owner of the data folder, and so must what it imports.
  const { uid, gid } = await stat(dataFolder);
  return quickStartEnvironment(process.env, { ...env, BIOMERO_BRIDGE_IMPORT_RUN_AS: `${uid}:${gid}` });
}

/**
 * Opens the database of upload orders alone: its commands work where nothing else of the site is configured. `logDir` is
 * where importers of this configuration keep their logs.
 */
export async function openOrders(
  dataFolder: string,
): Promise<{ pool: Pool; logDir: string | null; close(): Promise<void> }> {
  const config = await loadConfig((await siteEnvironment(dataFolder)).env, ['orders']);
  const pool = openPool(config.databases.orders, { max: 2 });
  try {
    await ensureImports(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return { pool, logDir: config.importer.logDir, close: () => pool.end() };
}

/** Opens what a short command needs. */
export async function openSite(dataFolder: string): Promise<Site> {
  const config = await loadSiteConfig(dataFolder);
  const log = createLogger({ level: 'error', destination: process.stderr });
  const runs = openPool(config.databases.runs, { max: 2 });
  const orders =
    config.databases.orders === config.databases.runs ? runs : openPool(config.databases.orders, { max: 2 });
  const omero = new OmeroAccess(config.omero, log);
  const close = async (): Promise<void> => {
    await omero.close();
    for (const pool of new Set([runs, orders])) await pool.end();
  };
  try {
    await migrate(runs, 'runs');
    await ensureImports(orders);
  } catch (error) {
    await close();
    throw error;
  }
  return { config, runs, orders, omero, close };
}
