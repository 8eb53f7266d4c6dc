import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const cookieName = 'biomero_bridge_session';
const lifetimeSeconds = 7 * 24 * 3600;

/**
 * The quick start's sign-in: whoever has the token that `start` printed is its user. The cookie carries a signature
 * over its expiry, never the token. The signing key follows from the token, so a page stays signed in when the server starts
 * again, and every cookie ends with a new token.
 */
export class TokenSignIn {
  readonly #token: string;
  readonly #key: Buffer;

  constructor(token: string) {
    this.#token = token;
    this.#key = createHash('sha256').update(`cookies of biomero-bridge\0${token}`).digest();
  }

  /** Compared in constant time. */
  accepts(token: string): boolean {
    return sameText(token, this.#token, this.#key);
  }

  /** Value of a `Set-Cookie` header that signs a browser in. */
  cookie(now = Date.now()): string {
    const expires = Math.floor(now / 1000) + lifetimeSeconds;
    return `${cookieName}=${expires}.${this.#sign(expires)}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${lifetimeSeconds}`;
  }

  /** Value of a `Set-Cookie` header that signs a browser out. */
  clearedCookie(): string {
    return `${cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  /** True when the request's `Cookie` header holds a signature of ours that has not expired. */
  isSignedIn(cookieHeader: string | undefined, now = Date.now()): boolean {
    const value = new RegExp(`(?:^|;\\s*)${cookieName}=(\\d{1,12})\\.([A-Za-z0-9_-]{43})(?:;|$)`).exec(
      cookieHeader ?? '',
    );
    if (!value?.[1] || !value[2]) return false;
    const expires = Number(value[1]);
    return expires * 1000 > now && sameText(value[2], this.#sign(expires), this.#key);
  }

  #sign(expires: number): string {
    return createHmac('sha256', this.#key).update(String(expires)).digest('base64url');
  }
}

/** Equality that takes as long for a near miss as for a far one. */
function sameText(a: string, b: string, key: Buffer): boolean {
  const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
