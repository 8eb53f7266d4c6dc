/** One Glacier2 session on one connection, from `createSession` to its end. Throws what the Ice connection throws. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { OmeroConfig } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { IceConnection, type InvokeOptions } from './ice/connection.ts';
import { IceSchema } from './ice/schema.ts';
import type { TlsOptions } from './ice/tls.ts';
import type { IceProxy } from './ice/values.ts';

export interface CallOptions {
  /** The group a call works in: its id, or `all` for reads. Default: the session's own. */
  readonly group?: number | 'all';
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const router = { category: 'OMERO.Glacier2', name: 'router' };
/** OMERO may think long about a large save or query; the connection's own default suits everything else. */
export const callTimeoutMs = 120_000;
export const signInTimeoutMs = 30_000;

export class RouterSession {
  readonly factory: IceProxy;
  /** Resolves when the connection has ended, with the reason; null when we ended it. */
  readonly ended: Promise<Error | null>;
  readonly #connection: IceConnection;
  readonly #context: ReadonlyMap<string, string>;
  /** Proxies by the call that gave them, each made known to the router. */
  readonly #proxies = new Map<string, Promise<IceProxy>>();

  private constructor(connection: IceConnection, context: ReadonlyMap<string, string>, factory: IceProxy) {
    this.#connection = connection;
    this.#context = context;
    this.factory = factory;
    this.ended = connection.closed;
  }

  /** The key with which the session can be joined: OMERO names the session's object by it. */
  get key(): string {
    return this.factory.identity.name;
  }

  /** Connects and creates (password) or joins (session key as user and password) a session. */
  static async open(
    config: OmeroConfig,
    user: string,
    password: string,
    timeoutMs = signInTimeoutMs,
  ): Promise<RouterSession> {
    const context = new Map([
      ['omero.client.uuid', randomUUID()],
      ['omero.agent', 'biomero-bridge'],
    ]);
    const { host, port } = config;
    const tls = await tlsOptions(config);
    const connection = await IceConnection.connect({ host, port, tls, schema: IceSchema.omero(), timeoutMs });
    try {
      const ask = async (operation: string, args: unknown[]): Promise<unknown> =>
        (await connection.invoke(router, 'Router', operation, args, { context, timeoutMs })).result;
      const factory = (await ask('createSession', [user, password])) as IceProxy | null;
      if (!factory) throw new Error('OMERO created no session');
      await ask('addProxies', [[factory]]);
      const idle = Number(await ask('getSessionTimeout', []));
      const silent = Number(await ask('getACMTimeout', []));
      const seconds = [idle, silent].filter((s) => s > 0);
      if (seconds.length > 0) connection.heartbeat((Math.min(...seconds) * 1000) / 2);
      return new RouterSession(connection, context, factory);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Calls an operation of an object behind the router. */
  async invoke(
    target: IceProxy,
    iface: string,
    operation: string,
    args: readonly unknown[],
    { group, timeoutMs = callTimeoutMs, signal }: CallOptions = {},
  ): Promise<unknown> {
    const context = new Map(this.#context);
    if (group !== undefined) context.set('omero.group', group === 'all' ? '-1' : String(group));
    const options: InvokeOptions = { context, timeoutMs, ...(signal ? { signal } : {}) };
    const to = { ...target.identity, facet: target.facet };
    return (await this.#connection.invoke(to, iface, operation, args, options)).result;
  }

  /** The proxy that an operation of the session's factory gives, made known to the router before its first use. */
  proxy(factoryOperation: string): Promise<IceProxy> {
    let proxy = this.#proxies.get(factoryOperation);
    if (!proxy) {
      proxy = this.invoke(this.factory, 'ServiceFactory', factoryOperation, []).then(async (found) => {
        if (!found) throw new Error(`OMERO's ${factoryOperation} gave nothing`);
        await this.know(found as IceProxy);
        return found as IceProxy;
      });
      proxy.catch(() => this.#proxies.delete(factoryOperation));
      this.#proxies.set(factoryOperation, proxy);
    }
    return proxy;
  }

  /** Makes a proxy known to the router, which forwards requests for those only. */
  async know(proxy: IceProxy): Promise<void> {
    await this.#connection.invoke(router, 'Router', 'addProxies', [[proxy]], { context: this.#context });
  }

  /** The router forgets the proxies used longest ago when it knows too many: they are asked for and made known anew. */
  async knowAnew(): Promise<void> {
    this.#proxies.clear();
    await this.know(this.factory);
  }

  /** Ends the session at the router, and the connection. Does not throw. */
  async destroy(timeoutMs: number): Promise<void> {
    const options = { context: this.#context, timeoutMs };
    // Destroying the session ends the connection, often before the answer.
    await this.#connection.invoke(router, 'Router', 'destroySession', [], options).catch(() => undefined);
    this.#connection.close();
  }

  /** Ends the connection alone. */
  drop(): void {
    this.#connection.close();
  }
}

async function tlsOptions(config: OmeroConfig): Promise<TlsOptions | null> {
  if (config.transport === 'tcp') return null;
  if (config.tls === 'anonymous') return { mode: 'anonymous' };
  if (config.fingerprint) return { mode: 'pinned', fingerprint: config.fingerprint };
  if (config.tls !== 'verify' || config.caFile === null) return { mode: config.tls };
  try {
    return { mode: 'verify', ca: await readFile(config.caFile, 'utf8') };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw bridgeError('OMERO_CA_FILE_UNREADABLE', { path: config.caFile, reason: code ?? message }, { cause });
  }
}
