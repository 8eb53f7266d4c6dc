import type { Logger } from 'pino';
import type { OmeroConfig } from '../config/config.ts';
import { describeError } from '../domain/errors.ts';
import { OmeroSession } from './session.ts';

/**
 * The service account's session of one process: opened at the first use, kept, and opened anew after it was lost.
 * Errors of signing in reach the caller.
 */
export class OmeroAccess {
  readonly #config: OmeroConfig;
  readonly #log: Logger;
  #session: Promise<OmeroSession> | null = null;
  #closed = false;

  constructor(config: OmeroConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  async admin(): Promise<OmeroSession> {
    const current = this.#session;
    if (current) {
      const session = await current;
      if (!session.lost.aborted) return session;
      if (this.#session === current) this.#session = null;
      return this.admin();
    }
    if (this.#closed) throw new Error('the connection to OMERO was closed because this process is ending');
    const opening = OmeroSession.signIn(this.#config);
    this.#session = opening;
    opening.catch(() => {
      if (this.#session === opening) this.#session = null;
    });
    return opening;
  }

  /** Works as a user in a group, on a session of its own that ends afterwards. */
  async as<T>(user: string, group: string, work: (session: OmeroSession) => Promise<T>): Promise<T> {
    const session = await (await this.admin()).sudo(user, group);
    try {
      return await work(session);
    } finally {
      await this.#end(session);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const session = await this.#session?.catch(() => null);
    if (session) await this.#end(session);
  }

  async #end(session: OmeroSession): Promise<void> {
    await session.close().catch((error: unknown) => {
      this.#log.warn({ error: describeError(error) }, 'an OMERO session could not be closed; it ends by itself');
    });
  }
}
