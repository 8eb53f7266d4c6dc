import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { OmeroConfig } from '../../config/config.ts';
import { bridgeError, describeError, isBridgeError } from '../../domain/errors.ts';
import { OmeroSession } from '../../omero/session.ts';
import { sign, unsign } from './cookie.ts';
import { groupsOf } from './omero-person.ts';
import type { Viewer } from './viewer.ts';

/** An OMERO session that nobody used for so long is closed. */
const idleMs = 60 * 60_000;
/** Groups and rights are asked of OMERO again when they are older than this. */
const freshMs = 60_000;
const sweepMs = 30_000;
const mostSessions = 2_000;

interface Held {
  readonly session: OmeroSession;
  viewer: Viewer;
  readAt: number;
  usedAt: number;
  reading: Promise<void> | null;
}

/**
 * Sign-in with OMERO name and password. The OMERO session stays here, kept alive while its pages are used, and is closed
 * at sign-out, when idle, and when the server ends; the browser holds a signed random number. Sessions do not outlive
 * the process: after a restart people sign in again.
 */
export class OmeroSignIn {
  readonly lifetimeSeconds = 12 * 3600;
  readonly #config: OmeroConfig;
  readonly #log: Logger;
  readonly #key = randomBytes(32);
  readonly #held = new Map<string, Held>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(config: OmeroConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  /**
   * Signs in and gives the value of the cookie.
   *
   * @throws SIGN_IN_REFUSED for a wrong name or password, and the errors of an OMERO that cannot be reached
   */
  async signIn(user: string, password: string): Promise<{ cookie: string; viewer: Viewer }> {
    if (this.#held.size >= mostSessions) throw bridgeError('TOO_MANY_SESSIONS', { limit: mostSessions });
    const session = await OmeroSession.signIn(this.#config, { user, password }).catch((error: unknown) => {
      throw isBridgeError(error, 'OMERO_SIGN_IN_REFUSED')
        ? bridgeError('SIGN_IN_REFUSED', {}, { cause: error })
        : error;
    });
    try {
      const viewer = await readViewer(session);
      const id = randomBytes(24).toString('base64url');
      const now = Date.now();
      this.#held.set(id, { session, viewer, readAt: now, usedAt: now, reading: null });
      return { cookie: sign(id, this.#key), viewer };
    } catch (error) {
      await this.#end(session);
      throw error;
    }
  }

  /** Whose cookie it is, with rights not older than a minute; null when it is nobody's any more. */
  async viewer(cookie: string): Promise<Viewer | null> {
    const id = unsign(cookie, this.#key);
    const held = id === null ? undefined : this.#held.get(id);
    if (id === null || !held) return null;
    if (held.session.lost.aborted) {
      this.#held.delete(id);
      return null;
    }
    const now = Date.now();
    held.usedAt = now;
    if (now - held.readAt > freshMs) {
      held.reading ??= this.#readAgain(id, held).finally(() => (held.reading = null));
      await held.reading;
      if (!this.#held.has(id)) return null;
    }
    return held.viewer;
  }

  async signOut(cookie: string): Promise<void> {
    const id = unsign(cookie, this.#key);
    const held = id === null ? undefined : this.#held.get(id);
    if (id === null || !held) return;
    this.#held.delete(id);
    await this.#end(held.session);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const all = [...this.#held.values()];
    this.#held.clear();
    await Promise.all(all.map((held) => this.#end(held.session)));
  }

  /** Rights that cannot be read again are no rights: the person signs in once more. */
  async #readAgain(id: string, held: Held): Promise<void> {
    try {
      held.viewer = await readViewer(held.session);
      held.readAt = Date.now();
    } catch (error) {
      this.#log.warn({ user: held.viewer.name, error: describeError(error) }, 'a signed-in session ended');
      this.#held.delete(id);
      await this.#end(held.session);
    }
  }

  #sweep(): void {
    const now = Date.now();
    for (const [id, held] of this.#held) {
      if (now - held.usedAt < idleMs && !held.session.lost.aborted) continue;
      this.#held.delete(id);
      void this.#end(held.session);
    }
  }

  async #end(session: OmeroSession): Promise<void> {
    await session.close().catch((error: unknown) => {
      this.#log.warn({ error: describeError(error) }, 'an OMERO session could not be closed; it ends by itself');
    });
  }
}

/** Who a session belongs to, with every group and its type. */
async function readViewer(session: OmeroSession): Promise<Viewer> {
  const { userId, userName, isAdmin } = await session.readContext();
  return { name: userName, userId, admin: isAdmin, groups: await groupsOf(session, userId) };
}
