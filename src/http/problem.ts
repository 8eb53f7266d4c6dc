import { errorRegistry, type BridgeError } from '../domain/errors.ts';

/** An error as `application/problem+json` (RFC 9457), with the registry's code and who can do something about it. */
export interface Problem {
  type: string;
  /** What happened. */
  title: string;
  status: number;
  /** What to do. */
  detail: string;
  code: keyof typeof errorRegistry;
  who: BridgeError['who'];
}

export function problemOf(error: BridgeError): Problem {
  return {
    type: `urn:biomero-bridge:error:${error.code}`,
    title: error.message,
    status: error.status,
    detail: error.remedy,
    code: error.code,
    who: error.who,
  };
}

export function problemResponse(error: BridgeError, headers: Headers = new Headers()): Response {
  headers.set('content-type', 'application/problem+json');
  // What may succeed by itself is asked for again, but not at once.
  if (error.status === 503 && error.retryable && !headers.has('retry-after')) headers.set('retry-after', '10');
  return new Response(JSON.stringify(problemOf(error)), { status: error.status, headers });
}
