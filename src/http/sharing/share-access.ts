import { bridgeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { readRun } from '../../runs/read-runs.ts';
import type { Run } from '../../runs/run.ts';
import { namedCookie, readNamedCookies, type CookieOptions } from '../identity/cookie.ts';
import { maySee } from '../identity/rights.ts';
import { quickStartViewer, type Viewer } from '../identity/viewer.ts';
import { findShareLink, touchShareLink, type ShareLink } from './share-links.ts';

const cookieName = 'biomero_bridge_shared';
/** What OMERO said of the maker of a link counts this long, as for those who are signed in. */
const freshMs = 60_000;
const mostMakers = 1_000;

export interface ShareAccessParts {
  /** Whether this server has such links at all. */
  on: boolean;
  runs: Pool;
  cookie: CookieOptions;
  /** A person as OMERO knows them now; null: gone, or no longer active. */
  person(userId: number): Promise<Viewer | null>;
  /** Whether people still sign in with the quick start's token. */
  quickStart: boolean;
}

/** A link that is open, the run it opens, and what its holder is for our rights. */
export interface Opened {
  link: ShareLink;
  run: Run;
  viewer: Viewer;
}

/**
 * Lets holders of links in. The token comes once, in the body of a request; after that a cookie has it, which the browser
 * sends for this run's addresses alone. At every use the link is looked up, and its maker must still be allowed to see
 * the run.
 */
export class ShareAccess {
  readonly #parts: ShareAccessParts;
  readonly #makers = new Map<number, { at: number; viewer: Promise<Viewer | null> }>();

  constructor(parts: ShareAccessParts) {
    this.#parts = parts;
  }

  get on(): boolean {
    return this.#parts.on;
  }

  /**
   * Opens a link by its token, with what OMERO says of its maker now.
   *
   * @throws SHARE_LINKS_OFF, SHARE_LINK_UNKNOWN and why the link has ended
   */
  async open(token: string): Promise<Opened> {
    if (!this.#parts.on) throw bridgeError('SHARE_LINKS_OFF', {});
    const link = await findShareLink(this.#parts.runs, token);
    if (!link) throw bridgeError('SHARE_LINK_UNKNOWN', {});
    if (link.madeById !== null) this.#makers.delete(link.madeById);
    return this.#check(link);
  }

  /** `Set-Cookie` for whoever brought the token of an open link. */
  cookieFor({ link, run }: Opened, token: string): string {
    const { cookie } = this.#parts;
    const seconds = Math.max(0, Math.floor((link.expiresAt.getTime() - Date.now()) / 1000));
    return namedCookie(cookieName, token, seconds, { ...cookie, path: `${cookie.path}api/runs/${run.id}` });
  }

  /**
   * The run that a browser's cookie opens, if it is this one; null: it brought no link to it.
   *
   * @throws why the link has ended
   */
  async opened(cookieHeader: string | undefined, runId: string): Promise<Opened | null> {
    for (const token of readNamedCookies(cookieName, cookieHeader)) {
      const link = await findShareLink(this.#parts.runs, token);
      if (link?.runId !== runId) continue;
      if (!this.#parts.on) throw bridgeError('SHARE_LINKS_OFF', {});
      return this.#check(link);
    }
    return null;
  }

  async #check(link: ShareLink): Promise<Opened> {
    const { runs } = this.#parts;
    const by = link.madeBy;
    if (link.revokedAt) throw bridgeError('SHARE_LINK_REVOKED', { by });
    if (link.expiresAt.getTime() <= Date.now())
      throw bridgeError('SHARE_LINK_EXPIRED', { by, day: link.expiresAt.toISOString().slice(0, 10) });
    const run = await readRun(runs, link.runId);
    if (!run) throw bridgeError('SHARE_LINK_UNKNOWN', {});
    const maker = await this.#maker(link.madeById);
    if (!maker || !maySee(maker, run)) throw bridgeError('SHARE_LINK_MAKER_GONE', { by });
    await touchShareLink(runs, link);
    const share = { runId: run.id, by, until: link.expiresAt };
    return { link, run, viewer: { name: 'share link', userId: null, admin: false, groups: [], share } };
  }

  async #maker(userId: number | null): Promise<Viewer | null> {
    if (userId === null) return this.#parts.quickStart ? quickStartViewer : null;
    const now = Date.now();
    const known = this.#makers.get(userId);
    if (known && now - known.at < freshMs) return known.viewer;
    if (this.#makers.size >= mostMakers) this.#makers.clear();
    const asked = { at: now, viewer: this.#parts.person(userId) };
    this.#makers.set(userId, asked);
    // An OMERO that did not answer is asked again at the next use.
    asked.viewer.catch(() => {
      if (this.#makers.get(userId) === asked) this.#makers.delete(userId);
    });
    return asked.viewer;
  }
}
