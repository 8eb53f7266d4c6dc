/**
 * One Glacier2 session on one connection: signing in, OMERO's services behind the router, signs of life on both levels
 * (Glacier2 drops a silent connection, OMERO an idle session), and errors of the registry.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OmeroConfig } from '../config/config.ts';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { endsSession, omeroFailure } from './failure.ts';
import { IceConnection } from './ice/connection.ts';
import { IceSchema } from './ice/schema.ts';
import type { TlsOptions } from './ice/tls.ts';
import type { IceObject, IceProxy } from './ice/values.ts';

/** Services by the interface that they have; each has its own way to be asked for. */
const services = {
  IAdmin: 'getAdminService',
  IConfig: 'getConfigService',
  IQuery: 'getQueryService',
  ISession: 'getSessionService',
  IUpdate: 'getUpdateService',
} as const;
export type ServiceName = keyof typeof services;

export interface CallOptions {
  /** The group a call works in: its id, or `all` for reads. Default: the session's own. */
  readonly group?: number | 'all';
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const router = { category: 'OMERO.Glacier2', name: 'router' };
const keepAliveMs = 60_000;
/** OMERO may think long about a large save or query; the connection's own default suits everything else. */
const callTimeoutMs = 120_000;
const signInTimeoutMs = 30_000;

export class OmeroLink {
  readonly server: string;
  /** The name signed in with; of a joined session the user's, once known. */
  user: string;
  readonly #connection: IceConnection;
  readonly #context: ReadonlyMap<string, string>;
  readonly #lost = new AbortController();
  readonly #services = new Map<ServiceName, Promise<IceProxy>>();
  #session: IceProxy | null = null;
  #keepAlive: NodeJS.Timeout | null = null;
  #closing = false;
  #silences = 0;

  private constructor(connection: IceConnection, server: string, user: string, context: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.server = server;
    this.user = user;
    this.#context = context;
    void connection.closed.then((error) => {
      if (!this.#closing) this.#end(error ?? new Error('the connection was closed'));
    });
  }

  /** Aborted, with the reason, when the session ended without `close`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Connects and creates (password) or joins (session key as user and password) a session.
   * Throws OMERO_UNREACHABLE, OMERO_TLS_REFUSED, OMERO_SIGN_IN_REFUSED, OMERO_BUSY, OMERO_ANSWER_INVALID.
   */
  static async open(config: OmeroConfig, user: string, password: string, shownUser = user): Promise<OmeroLink> {
    const server = `${config.host}:${config.port}`;
    const attempt = { server, user: shownUser, operation: 'signing in' };
    const context = new Map([
      ['omero.client.uuid', randomUUID()],
      ['omero.agent', 'biomero-bridge'],
    ]);
    const schema = IceSchema.omero();
    const tls = await tlsOptions(config);
    let connection: IceConnection | null = null;
    try {
      connection = await IceConnection.connect({
        host: config.host,
        port: config.port,
        tls,
        schema,
        timeoutMs: signInTimeoutMs,
      });
      const link = new OmeroLink(connection, server, shownUser, context);
      await link.#createSession(user, password);
      return link;
    } catch (error) {
      connection?.close();
      throw omeroFailure(error, attempt);
    }
  }

  /** Calls a service's operation. Errors are those of the registry; `operation` is told to people. */
  async call(
    service: ServiceName,
    operation: string,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<unknown> {
    return this.#guarded(`${service}.${operation}`, async () => {
      const proxy = await this.#service(service);
      return this.#invoke(proxy, service, operation, args, options);
    });
  }

  /**
   * Has OMERO do a request that takes its time, such as a deletion, and resolves with the answer when it is done.
   * Throws OMERO_REQUEST_REFUSED with OMERO's own words when it cannot be done, OMERO_TIMEOUT after `timeoutMs`.
   */
  async submit(request: IceObject, options: CallOptions = {}): Promise<IceObject> {
    const operation = request.$type.split('::').at(-1) ?? request.$type;
    return this.#guarded(operation, async () => {
      const handle = await this.#invoke(this.#factory(), 'ServiceFactory', 'submit', [request], options);
      if (!handle) throw new Error('OMERO gave no handle for the request');
      await this.#invoke(router, 'Router', 'addProxies', [[handle]], {});
      try {
        return checkedResponse(await this.#response(handle as IceProxy, options), operation);
      } finally {
        // It ends with the session anyway.
        await this.#invoke(handle as IceProxy, 'Handle', 'close', [], options).catch(() => undefined);
      }
    });
  }

  async #response(handle: IceProxy, { timeoutMs = callTimeoutMs, signal }: CallOptions): Promise<IceObject> {
    const deadline = performance.now() + timeoutMs;
    for (let pause = 10; ; pause = Math.min(pause * 2, 500)) {
      const response = await this.#invoke(handle, 'Handle', 'getResponse', [], signal ? { signal } : {});
      if (response) return response as IceObject;
      if (performance.now() > deadline)
        throw bridgeError('OMERO_TIMEOUT', { reason: `no answer after ${timeoutMs / 1000} s` });
      await sleep(pause, undefined, signal ? { signal } : {});
    }
  }

  /** Tells OMERO and Glacier2 that the session is still wanted. */
  async keepAlive(): Promise<void> {
    await this.#guarded('ServiceFactory.keepAlive', () =>
      this.#invoke(this.#factory(), 'ServiceFactory', 'keepAlive', [null], { timeoutMs: 30_000 }),
    );
  }

  /** From here on the end of the connection is what we want, and `lost` stays as it is. */
  expectEnd(): void {
    this.#closing = true;
    this.#stopSigns();
  }

  /** Ends the Glacier2 session and the connection; the OMERO session loses this reference. Does not throw. */
  async close(): Promise<void> {
    this.expectEnd();
    const options = { timeoutMs: 5_000 };
    try {
      if (!this.lost.aborted) {
        await this.#invoke(this.#factory(), 'ServiceFactory', 'closeOnDestroy', [], options);
        await this.#invoke(router, 'Router', 'destroySession', [], options);
      }
    } catch {
      // Destroying the session ends the connection, often before the answer; and a session already gone is closed too.
    } finally {
      this.#connection.close();
    }
  }

  async #createSession(user: string, password: string): Promise<void> {
    const options = { timeoutMs: signInTimeoutMs };
    const session = await this.#invoke(router, 'Router', 'createSession', [user, password], options);
    if (!session) throw new Error('OMERO created no session');
    this.#session = session as IceProxy;
    await this.#invoke(router, 'Router', 'addProxies', [[session]], options);
    const idle = Number(await this.#invoke(router, 'Router', 'getSessionTimeout', [], options));
    const silent = Number(await this.#invoke(router, 'Router', 'getACMTimeout', [], options));
    const seconds = [idle, silent].filter((s) => s > 0);
    if (seconds.length > 0) this.#connection.heartbeat((Math.min(...seconds) * 1000) / 2);
    this.#keepAlive = setInterval(() => void this.#showLife(), keepAliveMs);
    this.#keepAlive.unref();
  }

  /** A connection whose other end vanished answers nothing and reports nothing: two silences in a row end it. */
  async #showLife(): Promise<void> {
    try {
      await this.keepAlive();
      this.#silences = 0;
    } catch (error) {
      if (isBridgeError(error, 'OMERO_TIMEOUT') && ++this.#silences >= 2) this.#end(error);
    }
  }

  #factory(): IceProxy {
    if (!this.#session) throw new Error('no session was created');
    return this.#session;
  }

  /** A service of the session, made known to the router before its first use. */
  #service(name: ServiceName): Promise<IceProxy> {
    let service = this.#services.get(name);
    if (!service) {
      service = this.#invoke(this.#factory(), 'ServiceFactory', services[name], [], {}).then(async (proxy) => {
        if (!proxy) throw new Error(`OMERO gave no ${name}`);
        await this.#invoke(router, 'Router', 'addProxies', [[proxy]], {});
        return proxy as IceProxy;
      });
      service.catch(() => this.#services.delete(name));
      this.#services.set(name, service);
    }
    return service;
  }

  async #invoke(
    target: IceProxy | { category: string; name: string },
    iface: string,
    operation: string,
    args: readonly unknown[],
    { group, timeoutMs = callTimeoutMs, signal }: CallOptions,
  ): Promise<unknown> {
    const context = new Map(this.#context);
    if (group !== undefined) context.set('omero.group', group === 'all' ? '-1' : String(group));
    const identity = 'identity' in target ? { ...target.identity, facet: target.facet } : target;
    const options = { context, timeoutMs, ...(signal ? { signal } : {}) };
    return (await this.#connection.invoke(identity, iface, operation, args, options)).result;
  }

  async #guarded<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (this.lost.aborted) throw this.lost.reason;
    try {
      return await work();
    } catch (error) {
      const failure = omeroFailure(error, { server: this.server, user: this.user, operation });
      if (endsSession(failure)) this.#end(failure);
      throw failure;
    }
  }

  #end(error: unknown): void {
    this.#stopSigns();
    this.#connection.close();
    if (this.lost.aborted || this.#closing) return;
    const reason = isBridgeError(error)
      ? error
      : bridgeError('OMERO_SESSION_LOST', { user: this.user, reason: describeError(error) }, { cause: error });
    this.#lost.abort(reason);
  }

  #stopSigns(): void {
    if (this.#keepAlive) clearInterval(this.#keepAlive);
    this.#keepAlive = null;
    this.#connection.heartbeat(0);
  }
}

function checkedResponse(response: IceObject, operation: string): IceObject {
  if (!IceSchema.omero().isA(response.$type, '::omero::cmd::ERR')) return response;
  const parameters = response['parameters'] as ReadonlyMap<string, string> | undefined;
  const words = response['message'] ?? parameters?.get('message') ?? response['name'] ?? response.$type;
  throw bridgeError('OMERO_REQUEST_REFUSED', { operation, reason: String(words).replace(/\.+$/, '') });
}

async function tlsOptions(config: OmeroConfig): Promise<TlsOptions | null> {
  if (config.transport === 'tcp') return null;
  if (config.tls !== 'verify' || config.caFile === null) return { mode: config.tls };
  try {
    return { mode: 'verify', ca: await readFile(config.caFile, 'utf8') };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw bridgeError('OMERO_CA_FILE_UNREADABLE', { path: config.caFile, reason: code ?? message }, { cause });
  }
}
