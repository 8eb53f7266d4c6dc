import { expect, test } from 'vitest';
import { readCookies, setCookie } from './cookie.ts';
import { TokenSignIn } from './token-sign-in.ts';

test('a cookie signs in until it expires, also after a new start with the same token', () => {
  const value = new TokenSignIn('secret').cookieValue(0);
  expect(new TokenSignIn('secret').isSignedIn(value, 1_000)).toBe(true);
  expect(new TokenSignIn('secret').isSignedIn(value, 8 * 24 * 3600 * 1000)).toBe(false);
  expect(new TokenSignIn('another').isSignedIn(value, 1_000)).toBe(false);
  expect(value).not.toContain('secret');
});

test('nothing that was changed, and nothing empty, signs in', () => {
  const signIn = new TokenSignIn('secret');
  const value = signIn.cookieValue();
  for (const changed of ['', value.slice(0, -1), `9${value}`, `x${value}`, `${value}.x`, value.split('.')[0] ?? ''])
    expect(signIn.isSignedIn(changed), changed).toBe(false);
  expect(signIn.accepts('secret')).toBe(true);
  expect(signIn.accepts('secre')).toBe(false);
  expect(signIn.accepts('')).toBe(false);
});

test('the cookie stays with our pages, out of scripts and, behind https, out of the clear', () => {
  const plain = setCookie('v', 60, { secure: false, path: '/' });
  expect(plain).toBe('biomero_bridge_session=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=60');
  expect(setCookie('v', 60, { secure: true, path: '/bridge/' })).toContain('Path=/bridge/; HttpOnly; SameSite=Strict');
  expect(setCookie('v', 60, { secure: true, path: '/' })).toMatch(/; Secure$/);
  expect(readCookies('a=b; biomero_bridge_session=v; xbiomero_bridge_session=w; c=d')).toEqual(['v']);
  expect(readCookies(undefined)).toEqual([]);
});
