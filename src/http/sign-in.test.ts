import { expect, test } from 'vitest';
import { TokenSignIn } from './sign-in.ts';

const valueOf = (setCookie: string): string => setCookie.split(';')[0] ?? '';

test('a cookie signs in until it expires, also after a new start with the same token', () => {
  const cookie = valueOf(new TokenSignIn('secret').cookie(0));
  const other = new TokenSignIn('secret');
  expect(other.isSignedIn(`a=b; ${cookie}; c=d`, 1_000)).toBe(true);
  expect(other.isSignedIn(cookie, 8 * 24 * 3600 * 1000)).toBe(false);
  expect(new TokenSignIn('another').isSignedIn(cookie, 1_000)).toBe(false);
  expect(cookie).not.toContain('secret');
});

test('nothing that was changed, and nothing empty, signs in', () => {
  const signIn = new TokenSignIn('secret');
  const cookie = valueOf(signIn.cookie());
  for (const changed of [
    undefined,
    '',
    cookie.slice(0, -1),
    cookie.replace('=1', '=2'),
    `x${cookie}`,
    signIn.clearedCookie(),
  ])
    expect(signIn.isSignedIn(changed)).toBe(false);
  expect(signIn.accepts('secret')).toBe(true);
  expect(signIn.accepts('secre')).toBe(false);
  expect(signIn.accepts('')).toBe(false);
  expect(signIn.cookie()).toMatch(/HttpOnly; SameSite=Strict/);
});
