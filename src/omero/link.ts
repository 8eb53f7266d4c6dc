/**
 * One OMERO session over as many connections as it takes: a connection that breaks is made anew and the session joined
 * again. OMERO's services behind the router, signs of life (Glacier2 drops a silent connection, OMERO an idle session),
 * and errors of the registry.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OmeroConfig } from '../config/config.ts';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { connectionBroke, endsSession, notDispatched, omeroFailure } from './failure.ts';
import { IceSchema } from './ice/schema.ts';
import type { IceObject } from './ice/values.ts';
import { carryOut } from './request.ts';
import { RouterSession, signInTimeoutMs, type CallOptions } from './router-session.ts';
import { requireSupported } from './version.ts';

export type { CallOptions } from './router-session.ts';

/** Services by the interface that they have; each has its own way to be asked for. */
const services = {
  IAdmin: 'getAdminService',
  IConfig: 'getConfigService',
  IQuery: 'getQueryService',
  ISession: 'getSessionService',
  IUpdate: 'getUpdateService',
} as const;
export type ServiceName = keyof typeof services;

/**
 * Told by a call before it does what must not be done twice: `anew` when it is one request, which can be repeated once it
 * is known that nobody carried it out; `once` when it is several.
 */
type Started = (as: 'anew' | 'once') => void;

const keepAliveMs = 60_000;
const defaultReconnectSeconds = 20;

export class OmeroLink {
  readonly server: string;
  /** The name signed in with; of a joined session the user's, once known. */
  user: string;
  readonly #config: OmeroConfig;
  /** A secret: it joins the session again. */
  readonly #key: string;
  readonly #lost = new AbortController();
  readonly #end = new AbortController();
  readonly #keepAlive: NodeJS.Timeout;
  #session: RouterSession;
  /** Pending while the session is joined again. */
  #rejoined: Promise<void> | null = null;
  #silences = 0;

  private constructor(config: OmeroConfig, session: RouterSession, user: string) {
    this.#config = config;
    this.server = serverOf(config);
    this.user = user;
    this.#key = session.key;
    this.#session = session;
    this.#watch(session);
    this.#keepAlive = setInterval(() => void this.#showLife(), keepAliveMs);
    this.#keepAlive.unref();
  }

  /** Aborted, with the reason, when the session ended without `close`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Connects and creates (password) or joins (session key as user and password) a session.
   * Throws OMERO_UNREACHABLE, OMERO_TLS_REFUSED, OMERO_SIGN_IN_REFUSED, OMERO_BUSY, OMERO_TOO_OLD, OMERO_ANSWER_INVALID.
   */
  static async open(config: OmeroConfig, user: string, password: string, shownUser = user): Promise<OmeroLink> {
    const attempt = { server: serverOf(config), user: shownUser, operation: 'signing in' };
    let link: OmeroLink | null = null;
    try {
      const session = await RouterSession.open(config, user, password);
      link = new OmeroLink(config, session, shownUser);
      await link.#keepWithoutUs(session);
      // Who has a session's key has signed in to this server before.
      if (user !== password) requireSupported(link.server, String(await link.call('IConfig', 'getVersion', [])));
      return link;
    } catch (error) {
      await link?.close();
      throw omeroFailure(error, attempt);
    }
  }

  /**
   * Calls a service's operation. A call that a broken connection interrupts is repeated when that can do no harm, else it
   * fails with OMERO_INTERRUPTED. Errors are those of the registry; `operation` is told to people.
   */
  async call(
    service: ServiceName,
    operation: string,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<unknown> {
    const idempotent = IceSchema.omero().operation(service, operation)?.mode !== 0;
    return this.#guarded(`${service}.${operation}`, options.signal, async (session, started) => {
      const proxy = await session.proxy(services[service]);
      if (!idempotent) started('anew');
      return session.invoke(proxy, service, operation, args, options);
    });
  }

  /** Has OMERO do a request that takes its time, such as a deletion: see `carryOut`. Never repeated. */
  async submit(request: IceObject, options: CallOptions = {}): Promise<IceObject> {
    const operation = request.$type.split('::').at(-1) ?? request.$type;
    return this.#guarded(operation, options.signal, async (session, started) => {
      started('once');
      return carryOut(session, request, operation, options);
    });
  }

  /** Several calls that belong together on one connection, such as those of a table. Never repeated. */
  async together<T>(
    operation: string,
    { signal }: Pick<CallOptions, 'signal'>,
    work: (session: RouterSession) => Promise<T>,
  ): Promise<T> {
    return this.#guarded(operation, signal, async (session, started) => {
      started('once');
      return work(session);
    });
  }

  /** Tells OMERO and Glacier2 that the session is still wanted. */
  async keepAlive(): Promise<void> {
    await this.#guarded('ServiceFactory.keepAlive', undefined, (session) =>
      session.invoke(session.factory, 'ServiceFactory', 'keepAlive', [null], { timeoutMs: 30_000 }),
    );
  }

  /** From here on the end of the connection is what we want, and `lost` stays as it is. */
  expectEnd(): void {
    clearInterval(this.#keepAlive);
    this.#end.abort(new Error('the session was closed'));
  }

  /** Ends the Glacier2 session and the connection; the OMERO session loses this reference. Does not throw. */
  async close(): Promise<void> {
    this.expectEnd();
    const session = this.#session;
    const timeoutMs = 5_000;
    // A session already gone is closed too.
    if (!this.lost.aborted && !this.#rejoined)
      await session
        .invoke(session.factory, 'ServiceFactory', 'closeOnDestroy', [], { timeoutMs })
        .then(() => session.destroy(timeoutMs))
        .catch(() => undefined);
    session.drop();
  }

  /** Runs one call, on the next connection when this one broke before harm could be done. */
  async #guarded<T>(
    operation: string,
    signal: AbortSignal | undefined,
    work: (session: RouterSession, started: Started) => Promise<T>,
  ): Promise<T> {
    for (let knewAnew = false, tries = 1; ; tries++) {
      if (this.#rejoined) await abortable(this.#rejoined, signal);
      if (this.lost.aborted) throw this.lost.reason;
      const session = this.#session;
      let started: Parameters<Started>[0] | null = null;
      try {
        return await work(session, (as) => (started = as));
      } catch (error) {
        const failure = omeroFailure(error, { server: this.server, user: this.user, operation });
        if (connectionBroke(error) && !this.#end.signal.aborted) {
          this.#rejoin(session, failure);
          if (!started && tries < 5) continue;
          if (this.lost.aborted) throw this.lost.reason;
          throw bridgeError('OMERO_INTERRUPTED', { operation, reason: describeError(error) }, { cause: error });
        }
        // Nothing was carried out. The router may have forgotten the proxy; or the session has ended.
        if (notDispatched(error) && !knewAnew) {
          knewAnew = true;
          const lives = await this.#lives(session).then(yes, no);
          if (lives && started !== 'once') continue;
          if (lives)
            throw bridgeError('OMERO_INTERRUPTED', { operation, reason: describeError(error) }, { cause: error });
        }
        if (endsSession(failure)) this.#giveUp(failure);
        throw failure;
      }
    }
  }

  /** Makes the session's objects known to the router anew; rejects when OMERO knows no such session. */
  async #lives(session: RouterSession): Promise<void> {
    await session.knowAnew();
    await session.invoke(session.factory, 'ServiceFactory', 'keepAlive', [null], { timeoutMs: 30_000 });
  }

  #watch(session: RouterSession): void {
    void session.ended.then((error) => this.#rejoin(session, error ?? new Error('the connection was closed')));
  }

  /** The session outlives its connection, so that it can be joined again; OMERO ends it when it stays idle. */
  async #keepWithoutUs(session: RouterSession): Promise<void> {
    if (this.#reconnectMs === 0) return;
    await session.invoke(session.factory, 'ServiceFactory', 'detachOnDestroy', [], { timeoutMs: signInTimeoutMs });
  }

  get #reconnectMs(): number {
    return (this.#config.reconnectSeconds ?? defaultReconnectSeconds) * 1000;
  }

  #rejoin(broken: RouterSession, why: unknown): void {
    if (this.#session !== broken || this.#rejoined || this.lost.aborted || this.#end.signal.aborted) return;
    broken.drop();
    if (this.#reconnectMs === 0) return this.#giveUp(why);
    this.#rejoined = this.#reconnect(why).finally(() => (this.#rejoined = null));
    // Whoever waits for it has the error; when nobody does, `lost` tells.
    this.#rejoined.catch(() => undefined);
  }

  async #reconnect(why: unknown): Promise<void> {
    const until = performance.now() + this.#reconnectMs;
    for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
      try {
        const left = Math.max(1_000, until - performance.now());
        const session = await RouterSession.open(this.#config, this.#key, this.#key, Math.min(left, signInTimeoutMs));
        if (this.#end.signal.aborted) {
          await session.destroy(2_000);
          return;
        }
        await this.#keepWithoutUs(session);
        this.#session = session;
        this.#watch(session);
        return;
      } catch (error) {
        const failure = omeroFailure(error, { server: this.server, user: this.user, operation: 'joining' });
        const again = isBridgeError(failure) && failure.retryable && performance.now() + pause < until;
        if (!again) this.#giveUp(why, failure);
        await abortable(sleep(pause, undefined, { ref: false }), this.#end.signal);
        this.lost.throwIfAborted();
      }
    }
  }

  #giveUp(why: unknown, refusal?: unknown): void {
    clearInterval(this.#keepAlive);
    this.#session.drop();
    if (this.lost.aborted || this.#end.signal.aborted) return;
    if (refusal === undefined && isBridgeError(why)) return this.#lost.abort(why);
    const first = wordsOf(why);
    const reason = refusal === undefined ? first : `${first}; and then: ${wordsOf(refusal)}`;
    this.#lost.abort(bridgeError('OMERO_SESSION_LOST', { user: this.user, reason }, { cause: refusal ?? why }));
  }

  /** A connection whose other end vanished answers nothing and reports nothing: two silences in a row end it. */
  async #showLife(): Promise<void> {
    const session = this.#session;
    try {
      await this.keepAlive();
      this.#silences = 0;
    } catch (error) {
      if (isBridgeError(error, 'OMERO_TIMEOUT') && ++this.#silences >= 2) this.#rejoin(session, error);
    }
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;

function serverOf({ host, port }: OmeroConfig): string {
  return `${host}:${port}`;
}

/** The reason of an error of ours, which already says what went wrong; else its message. */
function wordsOf(error: unknown): string {
  const reason = isBridgeError(error) ? error.params['reason'] : undefined;
  return typeof reason === 'string' ? reason : describeError(error);
}

/** Rejects with the signal's reason as soon as it is aborted; the promise then goes on by itself. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
