import { createHash } from 'node:crypto';
import { sameText, sign, unsign } from './cookie.ts';

const lifetimeSeconds = 7 * 24 * 3600;

/**
 * The quick start's sign-in: whoever has the token that `start` printed is its user. The cookie carries a signature
 * over its expiry, never the token. The signing key follows from the token, so a page stays signed in when the server
 * starts again, and every cookie ends with a new token.
 */
export class TokenSignIn {
  readonly lifetimeSeconds = lifetimeSeconds;
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

  /** Value of a cookie that signs a browser in. */
  cookieValue(now = Date.now()): string {
    return sign(String(Math.floor(now / 1000) + lifetimeSeconds), this.#key);
  }

  /** True for a cookie's value that we signed and that has not expired. */
  isSignedIn(value: string, now = Date.now()): boolean {
    const expires = unsign(value, this.#key);
    return expires !== null && /^\d{1,12}$/.test(expires) && Number(expires) * 1000 > now;
  }
}
