/** For tests: everything an importer needs, real: PostgreSQL, the OMERO stand-in and its import program, storage. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import type { Config } from '../../config/config.ts';
import { tiff } from '../../embedded/omero/import/tiff-for-tests.ts';
import { importUser, passwords, startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import { migrate } from '../../lib/migrate.ts';
import { ownProgram } from '../../lib/package-root.ts';
import type { runImport } from '../../omero/agent/run-import.ts';
import { OmeroSession } from '../../omero/session.ts';
import { ensureImports } from '../../orders/ensure-imports.ts';
import { orderUuid } from '../../orders/order-uuid.ts';
import { placeOrder, type NewOrder } from '../../orders/place-order.ts';
import { isTerminal, readOrder, type OrderState } from '../../orders/read-order.ts';
import { runImporter } from '../importer.ts';

const group = 'annotate';
const user = 'alice';

export class ImporterSite {
  readonly omero: TestOmero;
  readonly database: TestDatabase;
  /** base_dir */
  readonly storage: string;
  readonly alice: OmeroSession;
  readonly #children: ChildProcess[] = [];
  readonly #running: { stop: AbortController; done: Promise<void> }[] = [];

  private constructor(omero: TestOmero, database: TestDatabase, storage: string, alice: OmeroSession) {
    this.omero = omero;
    this.database = database;
    this.storage = storage;
    this.alice = alice;
  }

  /**
   * @param options.withRuns the tables of runs stand in the same database, as where both share one
   * @param options.prepare makes what an earlier version had made of schema `bridge`; nothing is added to it
   */
  static async open(
    options: { withRuns?: boolean; prepare?: (pool: TestDatabase['pool']) => Promise<void> } = {},
  ): Promise<ImporterSite> {
    const [omero, database] = [await startTestOmero(), await createTestDatabase()];
    if (options.withRuns) await migrate(database.pool, 'runs');
    await (options.prepare ?? ensureImports)(database.pool);
    const storage = await mkdtemp(join(tmpdir(), 'biomero-bridge-storage-'));
    await chmod(storage, 0o755);
    await mkdir(join(storage, group), { mode: 0o755 });
    const admin = await OmeroSession.signIn(configOf(omero, storage).omero);
    try {
      return new ImporterSite(omero, database, storage, await admin.sudo(user, group));
    } finally {
      await admin.close();
    }
  }

  config(change: Partial<Config['importer']> = {}): Config {
    const config = configOf(this.omero, this.storage);
    return { ...config, importer: { ...config.importer, ...change } };
  }

  /** An image, readable for the import process. */
  async image(name: string, bytes = tiff([{ width: 4, height: 3 }])): Promise<string> {
    const path = join(this.storage, group, name);
    await mkdir(join(path, '..'), { recursive: true, mode: 0o755 });
    await writeFile(path, bytes, { mode: 0o644 });
    return path;
  }

  dataset(): Promise<number> {
    return this.alice.createDataset('results', '');
  }

  /** Places an order as the worker does; resolves to its uuid. */
  async order(files: string[], destinationId: number, change: Partial<NewOrder> = {}): Promise<string> {
    const taskId = randomUUID();
    const uuid = orderUuid({ taskId, jobId: 1, destination: { type: 'Dataset', id: destinationId }, part: 1 });
    const link = { taskId, runId: randomUUID(), archivePath: join(this.storage, group), part: 1, retryOf: null };
    const order = {
      uuid,
      groupName: group,
      userName: user,
      destinationType: 'Dataset' as const,
      destinationId,
      files,
      link,
    };
    await placeOrder(this.database.pool, { ...order, ...change });
    return uuid;
  }

  /** A pending row as any producer may write it, without a word to anybody. */
  async row(
    change: Record<string, unknown> = {},
    db: Pick<TestDatabase['pool'], 'query'> = this.database.pool,
  ): Promise<string> {
    const row = {
      group_name: group,
      user_name: user,
      destination_id: '1',
      destination_type: 'Dataset',
      stage: 'Import Pending',
      uuid: randomUUID(),
      files: '["/nowhere.tif"]',
      file_names: '[]',
      ...change,
    };
    const names = Object.keys(row);
    await db.query(
      `insert into imports (${names.join(', ')}, "timestamp") values (${names.map((_, i) => `$${i + 1}`).join(', ')}, now())`,
      Object.values(row),
    );
    return row.uuid;
  }

  /** Starts an importer in this process. `begun` resolves when it has looked at the table for the first time. */
  importer(options: { change?: Partial<Config['importer']>; graceMs?: number; importFiles?: typeof runImport } = {}): {
    stop: () => void;
    begun: () => Promise<unknown>;
  } {
    const stop = new AbortController();
    const name = randomUUID();
    const done = runImporter({
      config: this.config(options.change),
      pool: this.database.pool,
      databaseUrl: this.database.url,
      log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
      signal: stop.signal,
      name,
      graceMs: options.graceMs ?? 0,
      leaseMs: 2_000,
      unfinishedWaitMs: 1_000,
      ...(options.importFiles ? { importFiles: options.importFiles } : {}),
    });
    this.#running.push({ stop, done });
    const begun = (): Promise<unknown> =>
      this.until(() => this.some('select 1 from bridge.heartbeats where name = $1', [name]));
    return { stop: () => stop.abort(), begun };
  }

  /**
   * Starts an importer as a process of its own.
   *
   * @param way how it reaches the database; with `stderr: 'pipe'` its log, in lines of JSON, is the caller's to read
   */
  process(
    env: Record<string, string> = {},
    change: Partial<Config['importer']> = {},
    { stderr, ...way }: { databaseUrl?: string; queryTimeoutMs?: number; stderr?: 'pipe' } = {},
  ): ChildProcess {
    const options = {
      config: this.config(change),
      databaseUrl: this.database.url,
      name: randomUUID(),
      leaseMs: 1_500,
      unfinishedWaitMs: 1_000,
      graceMs: 0,
      ...way,
    };
    const [node = '', ...args] = ownProgram('src/importer/testing/importer-main');
    const child = spawn(node, [...args, JSON.stringify(options)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', stderr ?? (process.env['TEST_LOG'] ? 'inherit' : 'ignore')],
    });
    this.#children.push(child);
    return child;
  }

  /** Waits until an order is closed. */
  async closed(uuid: string, withinMs = 90_000): Promise<OrderState> {
    return this.until(async () => {
      const order = await readOrder(this.database.pool, uuid);
      return order && isTerminal(order.stage) ? order : null;
    }, withinMs);
  }

  async until<T>(look: () => Promise<T | null | false>, withinMs = 90_000): Promise<T> {
    for (const end = Date.now() + withinMs; Date.now() < end;) {
      const found = await look();
      if (found !== null && found !== false) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('it did not come');
  }

  async stages(uuid: string): Promise<string[]> {
    const { rows } = await this.database.pool.query('select stage from imports where uuid = $1 order by id', [uuid]);
    return rows.map((r) => String(r['stage']).replace('Import ', ''));
  }

  async some(sql: string, values: unknown[]): Promise<boolean> {
    return ((await this.database.pool.query(sql, values)).rowCount ?? 0) > 0;
  }

  /** Ends every importer. */
  async stop(): Promise<void> {
    for (const { stop } of this.#running) stop.abort();
    for (const { done } of this.#running.splice(0)) await done;
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }

  async drop(): Promise<void> {
    await this.stop();
    await this.alice.close();
    await this.database.drop();
    await this.omero.drop();
    await rm(this.storage, { recursive: true, force: true });
  }
}

/** The part of a configuration that an importer uses. */
function configOf(omero: TestOmero, storage: string): Config {
  const config: Pick<Config, 'storage' | 'omero' | 'importer'> = {
    storage: { baseDir: storage, mappingFiles: [] },
    omero: {
      host: '127.0.0.1',
      port: omero.port,
      user: 'root',
      password: passwords.root,
      transport: 'tcp',
      tls: 'verify',
      caFile: null,
      webUrl: null,
    },
    importer: {
      maxWorkers: 4,
      strictFolders: false,
      stallSeconds: 600,
      shutdownSeconds: 5,
      parallelUpload: null,
      parallelFilesets: null,
      skip: ['all'],
      annotationNamespace: 'biomero.import',
      registerZarr: true,
      containers: null,
      logDir: join(storage, 'logs'),
      command: omero.importCommand,
      memory: '256m',
      runAs: importUser,
    },
  };
  return config as Config;
}
