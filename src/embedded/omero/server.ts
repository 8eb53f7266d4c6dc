import { chmod, chown, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openPool } from '../../lib/database.ts';
import { ownProgram } from '../../lib/package-root.ts';
import { IceSchema } from '../../omero/ice/schema.ts';
import type { IceEndpoint } from '../../omero/ice/values.ts';
import { IceServer } from '../../omero/ice/server.ts';
import type { Dispatch } from '../../omero/ice/server-types.ts';
import { enumerators } from './collections.ts';
import { dispatcher } from './dispatch.ts';
import { LiveSessions } from './live-sessions.ts';
import { omeroModel } from './model.ts';
import { tcpEndpoint } from './endpoint.ts';
import { Passwords, type Seed } from './people.ts';
import { Store } from './store.ts';

/** The OMERO whose behaviour is followed. */
const version = '5.6.10';

export interface OmeroOptions {
  /** libpq URL of a database of its own; everything lives in schema `omero_standin`. */
  readonly databaseUrl: string;
  /** Absolute; gets `ManagedRepository/`, `Files/` and `bin/omero`. */
  readonly directory: string;
  /** 0: any free port. */
  readonly port: number;
  readonly log: Logger;
  readonly seed: Seed;
  /** Identity of the import process when we are root: the managed repository is made writable for it. */
  readonly runAs?: { readonly uid: number; readonly gid: number } | null;
}

export interface EmbeddedOmero {
  readonly port: number;
  /** The `omero import` of this server: put the importer's arguments after it. */
  readonly importCommand: string[];
  readonly managedRepository: string;
  /** What answers requests: for tests that put a real router in front. */
  readonly dispatch: Dispatch;
  close(): Promise<void>;
}

/**
 * Starts the quick start's OMERO server on the loopback address: it speaks Ice without TLS and computes every answer
 * from the objects that were stored. Sessions of an earlier start are closed, everything else is as it was.
 */
export async function startOmero(options: OmeroOptions): Promise<EmbeddedOmero> {
  const { databaseUrl, directory, log, seed, runAs = null } = options;
  const managedRepository = join(directory, 'ManagedRepository');
  await mkdir(managedRepository, { recursive: true, mode: 0o755 });
  if (runAs && process.getuid?.() === 0) await chown(managedRepository, runAs.uid, runAs.gid);
  const wrapper = await writeWrapper(join(directory, 'bin'));

  const pool = openPool(databaseUrl, {
    max: 2,
    onError: (error) => log.warn({ error: error.message }, 'the OMERO stand-in lost a database connection'),
  });
  let sessions: LiveSessions | null = null;
  try {
    const store = await Store.open(omeroModel(), pool, Date.now());
    await seedEnumerations(store);
    const people = await Passwords.open(store, seed);
    sessions = new LiveSessions(store, log);
    const config = new Map([
      ['omero.version', version],
      ['omero.data.dir', directory],
      ['omero.managed.dir', managedRepository],
    ]);
    const schema = IceSchema.omero();
    const endpoints: IceEndpoint[] = [];
    const context = { store, endpoints, sessions, people, log, config, filesFolder: join(directory, 'Files') };
    const dispatch = dispatcher(context, schema);
    const server = await IceServer.listen({ host: '127.0.0.1', port: options.port, schema, dispatch });
    endpoints.push(tcpEndpoint('127.0.0.1', server.port));
    const live = sessions;
    log.info({ port: server.port }, 'the OMERO stand-in listens');
    return {
      port: server.port,
      importCommand: [wrapper, 'import'],
      managedRepository,
      dispatch,
      async close() {
        await live.end();
        await server.close();
        await pool.end();
      },
    };
  } catch (error) {
    await sessions?.end().catch(() => undefined);
    await pool.end();
    throw error;
  }
}

/** Clients refer to these by id; they are the same in every OMERO. */
async function seedEnumerations(store: Store): Promise<void> {
  await store.write((draft) => {
    for (const [name, values] of Object.entries(enumerators))
      for (const value of values)
        if (store.named(name, 'value', value).length === 0) draft.create(store.model.get(name), 0, -1, { value });
  });
}

/** An executable `omero` as a site has it, for whoever the import process runs as. */
async function writeWrapper(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const path = join(folder, 'omero');
  const argv = ownProgram('src/embedded/omero/import-main').map((part) => `'${part.replaceAll("'", `'\\''`)}'`);
  await writeFile(`${path}.new`, `#!/bin/sh\nexec ${argv.join(' ')} "$@"\n`);
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
  return path;
}
