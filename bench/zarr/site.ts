import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Config } from '../../src/config/config.ts';
import { startOmero } from '../../src/embedded/omero/server.ts';
import { startPostgres } from '../../src/embedded/postgres/manager.ts';
import { runImporter } from '../../src/importer/importer.ts';
import { openPool, type Pool } from '../../src/lib/database.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { serverUser } from '../../test/support/server-user.ts';

/** A site of one group and one user with an importer at work, all on this machine. */
export interface Site {
  /** Folder of the group. */
  folder: string;
  pool: Pool;
  session: OmeroSession;
  stop(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), 'biomero-bridge-bench-'));
  chmodSync(root, 0o755);
  const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }));
  const folder = join(root, 'storage', 'team');
  mkdirSync(folder, { recursive: true });
  const postgres = await startPostgres({ dataDir: join(root, 'postgres'), runAs: serverUser, log });
  await postgres.ensureDatabase('orders');
  await postgres.ensureDatabase('omero');
  const user = { name: 'ada', password: 'ada-secret', firstName: 'Ada', lastName: 'Bench', groups: ['team'] };
  const omero = await startOmero({
    databaseUrl: postgres.url('omero'),
    directory: join(root, 'omero'),
    port: 0,
    log,
    seed: { rootPassword: 'root-secret', groups: [{ name: 'team', permissions: 'rwra--' }], users: [user] },
  });
  const config = {
    storage: { baseDir: join(root, 'storage'), mappingFiles: [] },
    importer: {
      maxWorkers: 4,
      registerZarr: true,
      containers: null,
      annotationNamespace: 'biomero.import',
      logDir: join(root, 'logs'),
      stallSeconds: 600,
      command: omero.importCommand,
      skip: ['all'],
      memory: '1g',
      runAs: null,
    },
    omero: {
      host: '127.0.0.1',
      port: omero.port,
      user: 'root',
      password: 'root-secret',
      transport: 'tcp',
      tls: 'verify',
    },
  } as unknown as Config;
  const pool = openPool(postgres.url('orders'), { max: 12 });
  await ensureImports(pool);
  const session = await OmeroSession.signIn(config.omero, { user: user.name, password: user.password });
  const stop = new AbortController();
  const done = runImporter({
    config,
    pool,
    databaseUrl: postgres.url('orders'),
    log,
    signal: stop.signal,
    name: 'bench',
  });
  return {
    folder,
    pool,
    session,
    async stop() {
      stop.abort();
      await done;
      await session.close();
      await pool.end();
      await omero.close();
      await postgres.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
