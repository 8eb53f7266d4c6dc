import type { Context } from 'hono';
import { bridgeError, isBridgeError } from '../../domain/errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { Route } from '../route.ts';
import type { ShareAccess } from '../sharing/share-access.ts';
import { bodyOf } from './request.ts';
import { session, signInBody, signInWays } from '../schemas/sign-in.ts';

/** Signing in and out, and who one is, with what the pages have to know besides. */
export function signInRoutes(parts: {
  identity: Identity;
  shares: ShareAccess;
  /** Address of OMERO.web, for links to images; null when it is not known. */
  omeroWeb: string | null;
}): Route[] {
  const { identity } = parts;
  return [
    {
      method: 'GET',
      path: '/api/sign-in',
      rule: 'public',
      api: { summary: 'How one may sign in here.', answer: signInWays },
      handle: ({ c }) => c.json({ ways: identity.ways }),
    },
    {
      method: 'POST',
      path: '/api/session',
      rule: 'public',
      api: {
        summary: 'Signs in: sets a cookie. 429 with `Retry-After` after ten failures in 15 min.',
        body: signInBody,
        answer: null,
      },
      handle: async ({ c }) => {
        const { token, user, password } = await bodyOf(c, signInBody);
        const cookie =
          token === undefined ? await withPassword(identity, c, user ?? '', password ?? '') : identity.withToken(token);
        if (cookie === null) throw bridgeError('TOKEN_REFUSED', {});
        c.header('set-cookie', cookie);
        return c.body(null, 204);
      },
    },
    {
      method: 'DELETE',
      path: '/api/session',
      rule: 'public',
      api: { summary: 'Signs out; the OMERO session is closed.', answer: null },
      handle: async ({ c }) => {
        c.header('set-cookie', await identity.signOut(c.req.header('cookie')));
        return c.body(null, 204);
      },
    },
    {
      method: 'GET',
      path: '/api/session',
      rule: 'signed-in',
      api: { summary: 'Who is signed in.', answer: session },
      handle: ({ c, viewer }) =>
        c.json({
          user: viewer.name,
          admin: viewer.admin,
          omeroWeb: parts.omeroWeb,
          shareLinks: parts.shares.on,
          groups: viewer.groups.map(({ id, name, leader }) => ({ id, name, leader })),
        }),
    },
  ];
}

async function withPassword(identity: Identity, c: Context, user: string, password: string): Promise<string> {
  if (user.trim() === '' || password === '')
    throw bridgeError('REQUEST_INVALID', { reason: 'a user name and a password are needed' });
  const keys = [`user ${user.toLowerCase()}`, `address ${identity.addressOf(c)}`];
  const wait = identity.attempts.waitSeconds(keys);
  if (wait > 0) {
    c.header('retry-after', String(wait));
    throw bridgeError('TOO_MANY_SIGN_INS', { minutes: Math.ceil(wait / 60) });
  }
  try {
    const cookie = await identity.withPassword(user.trim(), password);
    identity.attempts.succeeded(keys[0] ?? '');
    return cookie;
  } catch (error) {
    if (isBridgeError(error, 'SIGN_IN_REFUSED')) identity.attempts.failed(keys);
    throw error;
  }
}
