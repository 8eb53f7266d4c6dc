import type { Duplex } from 'node:stream';
import { STATUS_CODES } from 'node:http';
import { bodyLimit } from 'hono/body-limit';
import type { MiddlewareHandler } from 'hono';
import { bridgeError, type BridgeError } from '../domain/errors.ts';
import { securityHeaders } from './guard.ts';
import { problemOf, problemResponse } from './problem.ts';

/*
 * Requests that no route ever sees: too large, or not HTTP. They are refused in the same shape as all others, with the same
 * headers.
 */

/** A request of ours is a few kilobytes; the longest names thousands of images. */
export const mostBodyBytes = 1 << 20;

/** Refuses a body that is longer than any of ours, before more than that of it is in memory. */
export function limitBody(): MiddlewareHandler {
  const limited = bodyLimit({
    maxSize: mostBodyBytes,
    onError: () => {
      throw bridgeError('REQUEST_TOO_LARGE', { limit: mostBodyBytes >> 20 });
    },
  });
  return (c, next) => (c.req.method === 'GET' || c.req.method === 'HEAD' ? next() : limited(c, next));
}

/** The answer to a request whose address or `Host` cannot be. */
export function answerImpossible(error: unknown): Response {
  const reason = error instanceof Error ? error.message.slice(0, 200) : 'it is not a request of HTTP';
  return problemResponse(bridgeError('REQUEST_INVALID', { reason }), new Headers(securityHeaders));
}

/** Ends a connection on which something else than HTTP arrived, or that took too long. */
export function answerUnparsed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, refusal] = refusalOf(error);
  const body = JSON.stringify({ ...problemOf(refusal), status });
  const headers = {
    ...securityHeaders,
    connection: 'close',
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

function refusalOf(error: NodeJS.ErrnoException): [status: number, refusal: BridgeError] {
  const invalid = (reason: string): BridgeError => bridgeError('REQUEST_INVALID', { reason });
  if (error.code === 'HPE_HEADER_OVERFLOW') return [431, invalid('its headers are too long')];
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, invalid('it did not arrive in time')];
  return [400, invalid('it is not a request of HTTP')];
}
