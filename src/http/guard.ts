import type { MiddlewareHandler } from 'hono';
import { bridgeError } from '../domain/errors.ts';
import { bearerToken } from './identity/api-tokens.ts';
import type { PublicAddress } from './address.ts';

/** Headers of every answer: nothing from elsewhere, no frames, no guessing of types. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** Browsers that came by https keep to it. */
export const secureHeaders: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=31536000',
};

/**
 * Only requests that name one of our own addresses get an answer: a page of another site whose name was pointed at
 * this machine cannot read from it.
 */
export function checkHost(address: () => PublicAddress): MiddlewareHandler {
  return async (c, next) => {
    // Whoever brings a token is no browser that was led astray: a site does not know it.
    if (bearerToken(c.req.header('authorization')) !== null) return next();
    const host = c.req.header('host')?.toLowerCase() ?? '';
    if (!address().hosts.includes(host)) throw bridgeError('HOST_REFUSED', {});
    await next();
  };
}

/** Changes must come from our own pages: browsers tell where a request comes from in `Origin` or `Sec-Fetch-Site`. */
export function checkOrigin(address: () => PublicAddress): MiddlewareHandler {
  return async (c, next) => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      const origin = c.req.header('origin');
      const site = c.req.header('sec-fetch-site');
      const own = origin === undefined || address().origins.includes(origin);
      if (!own || (site !== undefined && site !== 'same-origin' && site !== 'none'))
        throw bridgeError('CROSS_SITE_REFUSED', {});
    }
    await next();
  };
}
