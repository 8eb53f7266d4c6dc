import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { IceServerConnection } from '../../omero/ice/server-types.ts';
import type { Store } from './store.ts';

/** A session that is open: in memory only, beside its stored row. */
export interface LiveSession {
  readonly id: number;
  /** The session's key. */
  readonly uuid: string;
  readonly user: number;
  /** Group of calls that name none. */
  group: number;
  readonly sudoer: number | null;
  readonly privileges: ReadonlySet<string>;
  /** Milliseconds; 0: no limit. */
  readonly ttlMs: number;
  readonly idleMs: number;
  readonly started: number;
  lastUsed: number;
  /** Clients that joined and have not left. */
  references: number;
  readonly connections: Set<IceServerConnection>;
}

export interface NewSession {
  readonly user: number;
  readonly group: number;
  readonly sudoer: number | null;
  readonly privileges: ReadonlySet<string>;
  readonly ttlMs: number;
  readonly idleMs: number;
  readonly agent: string;
}

const sweepMs = 250;

/**
 * The open sessions. One ends when its time is over, when nobody has used it for its idle time, when it is closed, or
 * when the last who joined it leaves; with it end all connections joined to it.
 */
export class LiveSessions {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #byUuid = new Map<string, LiveSession>();
  readonly #timer: NodeJS.Timeout;

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => this.#sweep(), sweepMs);
    this.#timer.unref();
  }

  get open(): LiveSession[] {
    return [...this.#byUuid.values()];
  }

  async create(wanted: NewSession): Promise<LiveSession> {
    const { user, group, sudoer, privileges, ttlMs, idleMs, agent } = wanted;
    const uuid = randomUUID();
    const known = this.#store.model.get('Session');
    const row = await this.#store.write((draft) =>
      draft.create(known, user, -1, {
        uuid,
        owner: user,
        sudoer,
        timeToLive: ttlMs,
        timeToIdle: idleMs,
        started: draft.now,
        closed: null,
        defaultEventType: 'User',
        userAgent: agent === '' ? null : agent,
      }),
    );
    const now = Date.now();
    const session: LiveSession = {
      id: row.id,
      uuid,
      user,
      group,
      sudoer,
      privileges,
      ttlMs,
      idleMs,
      started: now,
      lastUsed: now,
      references: 0,
      connections: new Set(),
    };
    this.#byUuid.set(uuid, session);
    return session;
  }

  /** The open session with this key, or null; one whose time is over is closed by asking. */
  find(uuid: string): LiveSession | null {
    const session = this.#byUuid.get(uuid);
    if (!session) return null;
    if (!isOver(session, Date.now())) return session;
    this.#closeQuietly(session);
    return null;
  }

  isOpen(session: LiveSession): boolean {
    return this.find(session.uuid) === session;
  }

  join(session: LiveSession, connection: IceServerConnection): void {
    session.references++;
    session.lastUsed = Date.now();
    session.connections.add(connection);
  }

  /** A client leaves; `detached` keeps the session open although nobody is left. Resolves when that is stored. */
  async leave(session: LiveSession, connection: IceServerConnection, detached: boolean): Promise<void> {
    if (!session.connections.delete(connection) || !this.isOpen(session)) return;
    session.references = Math.max(0, session.references - 1);
    if (session.references === 0 && !detached) await this.close(session);
  }

  /** Takes one reference away, as ISession.closeSession does: the number left, or -2 when that closed the session. */
  async release(session: LiveSession): Promise<number> {
    session.references--;
    if (session.references >= 1) return session.references;
    await this.close(session);
    return -2;
  }

  /** Closes the session and, once the answer to this call is on its way, the connections joined to it. */
  async close(session: LiveSession): Promise<void> {
    if (this.#byUuid.get(session.uuid) !== session) return;
    this.#byUuid.delete(session.uuid);
    try {
      await this.#store.write((draft) => {
        const row = draft.get(this.#store.model.get('Session'), session.id);
        if (row) draft.change(row, { closed: draft.now });
      });
    } finally {
      setImmediate(() => {
        for (const connection of session.connections) connection.close();
      });
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    for (const session of this.open) await this.close(session);
  }

  #sweep(): void {
    const now = Date.now();
    for (const session of this.#byUuid.values()) if (isOver(session, now)) this.#closeQuietly(session);
  }

  #closeQuietly(session: LiveSession): void {
    this.close(session).catch((error: unknown) =>
      this.#log.warn({ session: session.id, error: String(error) }, 'the end of a session could not be stored'),
    );
  }
}

function isOver({ ttlMs, idleMs, started, lastUsed }: LiveSession, now: number): boolean {
  return (ttlMs > 0 && now - started >= ttlMs) || (idleMs > 0 && now - lastUsed >= idleMs);
}
