import { createHmac, timingSafeEqual } from 'node:crypto';

const name = 'biomero_bridge_session';

export interface CookieOptions {
  /** True behind https: the browser never sends it in the clear. */
  readonly secure: boolean;
  /** Where the pages stand below the host, such as `/bridge/`. */
  readonly path: string;
}

/** Value of a `Set-Cookie` header of a sign-in. */
export function setCookie(value: string, maxAgeSeconds: number, options: CookieOptions): string {
  return namedCookie(name, value, maxAgeSeconds, options);
}

/** Value of a `Set-Cookie` header. Scripts cannot read it, other sites cannot make a browser send it. */
export function namedCookie(cookie: string, value: string, maxAgeSeconds: number, options: CookieOptions): string {
  return `${cookie}=${value}; Path=${options.path}; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${options.secure ? '; Secure' : ''}`;
}

export function clearCookie(options: CookieOptions): string {
  return setCookie('', 0, options);
}

/** Values of sign-ins that a browser sent. */
export function readCookies(header: string | undefined): string[] {
  return readNamedCookies(name, header);
}

/** Values that a browser sent under a name: more than one where several of our servers share a host. */
export function readNamedCookies(cookie: string, header: string | undefined): string[] {
  return (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${cookie}=`))
    .map((part) => part.slice(cookie.length + 1))
    .slice(0, 4);
}

/** `<text>.<signature>`. The text must be free of dots. */
export function sign(text: string, key: Buffer): string {
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

/** The text of a signed value; null for anything that we did not sign. */
export function unsign(value: string, key: Buffer): string | null {
  const [text, ...rest] = value.split('.');
  return text !== undefined && rest.length === 1 && sameText(value, sign(text, key), key) ? text : null;
}

/** Equality that takes as long for a near miss as for a far one. */
export function sameText(a: string, b: string, key: Buffer): boolean {
  const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
