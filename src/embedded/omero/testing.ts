/** For tests: a stand-in on a database of its own, and clients that speak to it over the wire. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import type { OmeroConfig } from '../../config/config.ts';
import { IceConnection } from '../../omero/ice/connection.ts';
import { IceSchema } from '../../omero/ice/schema.ts';
import type { IceObject, IceProxy } from '../../omero/ice/values.ts';
import { rlist, rlong, rstring, unwrap } from '../../omero/rtypes.ts';
import type { Seed } from './people.ts';
import { startOmero, type EmbeddedOmero } from './server.ts';

export const passwords = { root: 'root-secret', alice: 'alice-secret', bob: 'bob-secret', carol: 'carol-secret' };

export const seed: Seed = {
  rootPassword: passwords.root,
  groups: [
    { name: 'private', permissions: 'rw----' },
    { name: 'readonly', permissions: 'rwr---' },
    { name: 'annotate', permissions: 'rwra--' },
    { name: 'write', permissions: 'rwrw--' },
  ],
  users: [
    person('alice', ['readonly', 'private', 'annotate', 'write'], { leads: ['write'] }),
    person('bob', ['readonly', 'private', 'annotate', 'write']),
    person('carol', []),
    person('dora', ['readonly', 'private', 'annotate', 'write'], {
      leads: ['readonly', 'private', 'annotate', 'write'],
    }),
    person('bridge', [], { admin: true, privileges: ['Sudo'] }),
  ],
};

function person(name: string, groups: string[], more: object = {}): Seed['users'][number] {
  return { name, password: `${name}-secret`, firstName: name, lastName: 'Test', groups, ...more };
}

export interface TestOmero extends EmbeddedOmero {
  readonly directory: string;
  readonly database: TestDatabase;
  /** Ends the server and starts it anew on the same data. */
  restart(): Promise<TestOmero>;
  drop(): Promise<void>;
}

/** How our own account reaches a stand-in. */
export function bridgeAccount({ port }: Pick<TestOmero, 'port'>): OmeroConfig {
  const [user, password] = ['bridge', 'bridge-secret'];
  const [transport, tls] = ['tcp', 'verify'] as const;
  return { host: '127.0.0.1', port, user, password, transport, tls, caFile: null, webUrl: null };
}

/** As root the import process runs as another user, who must reach the folder. */
export const importUser = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : null;

export async function startTestOmero(): Promise<TestOmero> {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'biomero-bridge-omero-'));
  await chmod(directory, 0o755);
  return start(database, directory);
}

async function start(database: TestDatabase, directory: string): Promise<TestOmero> {
  const omero = await startOmero({
    databaseUrl: database.url,
    directory,
    port: 0,
    log: pino({ level: 'silent' }),
    seed,
    runAs: importUser,
  });
  return {
    ...omero,
    directory,
    database,
    async restart() {
      await omero.close();
      return start(database, directory);
    },
    async drop() {
      await omero.close();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** One signed-in connection. */
export class TestClient {
  readonly connection: IceConnection;
  readonly session: IceProxy;
  readonly #services = new Map<string, IceProxy>();

  private constructor(connection: IceConnection, session: IceProxy) {
    this.connection = connection;
    this.session = session;
  }

  static async open(port: number, user: string, password: string, group?: string): Promise<TestClient> {
    const schema = IceSchema.omero();
    const connection = await IceConnection.connect({ host: '127.0.0.1', port, tls: null, schema });
    const context = { 'omero.client.uuid': randomUUID(), ...(group ? { 'omero.group': group } : {}) };
    try {
      const { result } = await connection.invoke(router, 'Router', 'createSession', [user, password], { context });
      const client = new TestClient(connection, result as IceProxy);
      await client.#know(result as IceProxy);
      return client;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  static named(port: number, user: keyof typeof passwords, group?: string): Promise<TestClient> {
    return TestClient.open(port, user, passwords[user], group);
  }

  async call(
    service: string,
    operation: string,
    args: unknown[],
    context: Record<string, string> = {},
  ): Promise<unknown> {
    const target = service === 'ServiceFactory' ? this.session : await this.#service(service);
    return (await this.connection.invoke(target.identity, service, operation, args, { context })).result;
  }

  /** Rows of a projection as plain values. */
  async rows(query: string, values: Record<string, unknown> = {}, group = '-1'): Promise<unknown[][]> {
    const rows = await this.call('IQuery', 'projection', [query, parameters(values)], { 'omero.group': group });
    return (rows as unknown[][]).map((row) => row.map(unwrap));
  }

  async save(object: IceObject, context: Record<string, string> = {}): Promise<number> {
    const [id] = (await this.call('IUpdate', 'saveAndReturnIds', [[object]], context)) as number[];
    return id ?? -1;
  }

  async groupId(name: string): Promise<number> {
    const group = (await this.call('IAdmin', 'lookupGroup', [name])) as IceObject;
    return Number(unwrap(group['id']));
  }

  close(): void {
    this.connection.close();
  }

  async #service(name: string): Promise<IceProxy> {
    const known = this.#services.get(name);
    if (known) return known;
    const operation = name === 'RawFileStore' ? 'createRawFileStore' : `get${name.slice(1)}Service`;
    const proxy = (await this.call('ServiceFactory', operation, [])) as IceProxy;
    await this.#know(proxy);
    this.#services.set(name, proxy);
    return proxy;
  }

  async #know(proxy: IceProxy): Promise<void> {
    await this.connection.invoke(router, 'Router', 'addProxies', [[proxy]]);
  }
}

export const router = { category: 'OMERO.Glacier2', name: 'router' };

export function parameters(values: Record<string, unknown>, filter: IceObject | null = null): IceObject {
  const map = new Map(Object.entries(values).map(([name, value]) => [name, rtype(value)]));
  return { $type: '::omero::sys::Parameters', map, theFilter: filter };
}

function rtype(value: unknown): IceObject {
  if (Array.isArray(value)) return rlist(value.map(rtype));
  return typeof value === 'number' ? rlong(value) : rstring(String(value));
}

/** A new object of a class, members given as wire values. */
export function fresh(name: string, members: Record<string, unknown> = {}): IceObject {
  return { $type: `::omero::model::${name}`, loaded: true, ...members };
}

export function reference(name: string, id: number): IceObject {
  return { $type: `::omero::model::${name}`, id: rlong(id), loaded: false };
}

export function dataset(name: string): IceObject {
  return fresh('Dataset', { name: rstring(name) });
}
