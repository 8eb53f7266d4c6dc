/**
 * The one registry of errors. A code is stable: it appears in logs, in `bridge.runs`, in HTTP bodies and in docs.
 * Each area declares its own in `errors/`.
 */
import { archiveErrors } from './errors/archive.ts';
import { configErrors } from './errors/config.ts';
import { embeddedErrors } from './errors/embedded.ts';
import { httpErrors } from './errors/http.ts';
import { omeroErrors } from './errors/omero.ts';
import { orderErrors } from './errors/orders.ts';
import { runErrors } from './errors/runs.ts';
import { slurmErrors } from './errors/slurm.ts';
import { trackingErrors } from './errors/tracking.ts';
import type { ErrorSpec, Fixer, ParamNames } from './errors/define.ts';

export const errorRegistry = {
  ...archiveErrors,
  ...configErrors,
  ...embeddedErrors,
  ...httpErrors,
  ...omeroErrors,
  ...orderErrors,
  ...runErrors,
  ...slurmErrors,
  ...trackingErrors,
};

export type ErrorCode = keyof typeof errorRegistry;

type TextOf<C extends ErrorCode> = (typeof errorRegistry)[C]['message'] | (typeof errorRegistry)[C]['remedy'];
export type ErrorParams<C extends ErrorCode> = Record<ParamNames<TextOf<C>>, string | number>;

/** An error that a person may see: it names the thing, the reason, and who can fix it. */
export class BridgeError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly who: Fixer;
  readonly retryable: boolean;
  readonly status: number;
  readonly params: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, params: Readonly<Record<string, string | number>>, options?: { cause?: unknown }) {
    const spec: ErrorSpec = errorRegistry[code];
    super(fill(spec.message, params), options);
    this.name = 'BridgeError';
    this.code = code;
    this.params = params;
    this.remedy = fill(spec.remedy, params);
    this.who = spec.who;
    this.retryable = spec.retryable;
    this.status = spec.status;
  }
}

/** Builds an error of the registry; the parameters its texts name are checked by the compiler. */
export function bridgeError<C extends ErrorCode>(
  code: C,
  params: ErrorParams<C>,
  options?: { cause?: unknown },
): BridgeError {
  return new BridgeError(code, params, options);
}

export function isBridgeError(error: unknown, ...codes: ErrorCode[]): error is BridgeError {
  return error instanceof BridgeError && (codes.length === 0 || codes.includes(error.code));
}

/** Any thrown value as one line for a person: message, then the causes that add something. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error, depth = 0; e !== undefined && e !== null && depth < 5; depth++) {
    const text = e instanceof Error ? e.message || e.name : String(e);
    if (text && !parts.some((p) => p.includes(text))) parts.push(text);
    e = e instanceof Error ? e.cause : undefined;
  }
  return parts.join(': ');
}

function fill(text: string, params: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in params ? printable(String(params[name])) : whole,
  );
}

/** Control characters and direction overrides from hostile names must not reach a terminal or a page. */
export function printable(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
