import type { Context } from 'hono';
import { getConnInfo } from '@hono/node-server/conninfo';
import { bridgeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { bearerToken, tokenViewer } from './api-tokens.ts';
import { clearCookie, readCookies, setCookie, type CookieOptions } from './cookie.ts';
import type { OmeroSignIn } from './omero-sign-in.ts';
import { SignInAttempts } from './sign-in-attempts.ts';
import type { TokenSignIn } from './token-sign-in.ts';
import { quickStartViewer, type Viewer } from './viewer.ts';

/** The headers that say who somebody is. */
export interface SignedHeaders {
  cookie: string | undefined;
  authorization: string | undefined;
}

export function signedHeaders(c: Context): SignedHeaders {
  return { cookie: c.req.header('cookie'), authorization: c.req.header('authorization') };
}

/** Tells who sends a request, by whichever way of signing in the server offers. */
export class Identity {
  readonly attempts = new SignInAttempts();
  readonly #token: TokenSignIn | null;
  readonly #omero: OmeroSignIn | null;
  readonly #cookie: CookieOptions;
  readonly #trustProxy: boolean;
  readonly #runs: Pool | null;

  constructor(o: {
    token: TokenSignIn | null;
    omero: OmeroSignIn | null;
    cookie: CookieOptions;
    /** Take the client's address from `X-Forwarded-For`: only behind a proxy that sets it. */
    trustProxy: boolean;
    /** Where tokens of machines are known; without it there are none. */
    runs?: Pool;
  }) {
    this.#token = o.token;
    this.#omero = o.omero;
    this.#cookie = o.cookie;
    this.#trustProxy = o.trustProxy;
    this.#runs = o.runs ?? null;
  }

  /** What the sign-in page offers. */
  get ways(): ('token' | 'omero')[] {
    return [...(this.#token ? (['token'] as const) : []), ...(this.#omero ? (['omero'] as const) : [])];
  }

  /**
   * Who sends a request with these headers; null: nobody. Whoever brings a token is judged by it alone.
   *
   * @throws API_TOKEN_REFUSED
   */
  async viewer({ cookie: cookieHeader, authorization }: SignedHeaders): Promise<Viewer | null> {
    const token = bearerToken(authorization);
    if (token !== null) {
      if (!this.#runs) throw bridgeError('API_TOKEN_REFUSED', {});
      return tokenViewer(this.#runs, token);
    }
    for (const value of readCookies(cookieHeader)) {
      if (this.#token?.isSignedIn(value)) return quickStartViewer;
      const viewer = await this.#omero?.viewer(value);
      if (viewer) return viewer;
    }
    return null;
  }

  /** `Set-Cookie` for the holder of the token; null for any other. */
  withToken(token: string): string | null {
    if (!this.#token?.accepts(token)) return null;
    return setCookie(this.#token.cookieValue(), this.#token.lifetimeSeconds, this.#cookie);
  }

  /**
   * `Set-Cookie` for somebody whom OMERO knows.
   *
   * @throws SIGN_IN_REFUSED, SIGN_IN_OFF, what an OMERO that cannot be reached throws
   */
  async withPassword(user: string, password: string): Promise<string> {
    if (!this.#omero) throw bridgeError('SIGN_IN_OFF', {});
    const { cookie } = await this.#omero.signIn(user, password);
    return setCookie(cookie, this.#omero.lifetimeSeconds, this.#cookie);
  }

  /** `Set-Cookie` that ends a sign-in; its OMERO session is closed. */
  async signOut(cookieHeader: string | undefined): Promise<string> {
    for (const value of readCookies(cookieHeader)) await this.#omero?.signOut(value);
    return clearCookie(this.#cookie);
  }

  /** The client's address; behind a trusted proxy the last one that the proxy added. */
  addressOf(c: Context): string {
    const forwarded = this.#trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
    if (forwarded) return forwarded;
    // Without a socket (a request that a test makes) there is no address.
    return 'incoming' in ((c.env ?? {}) as object) ? (getConnInfo(c).remote.address ?? '') : '';
  }

  async close(): Promise<void> {
    await this.#omero?.close();
  }
}
