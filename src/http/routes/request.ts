import type { Context } from 'hono';
import { z } from 'zod';
import { bridgeError } from '../../domain/errors.ts';
import type { RouteApi } from '../route.ts';

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id of a run in a path or query; anything else is a run that does not exist. */
export function runIdOf(text: string | undefined): string {
  if (text === undefined || !uuidPattern.test(text))
    throw bridgeError('RUN_NOT_FOUND', { run: (text ?? '').slice(0, 40) });
  return text;
}

/** Holds a request against what its route takes. @throws REQUEST_INVALID */
export async function checkRequest(c: Context, { query, body }: RouteApi): Promise<void> {
  if (query) parsed(query, c.req.query());
  if (body) await bodyOf(c, body);
}

/** The JSON body in its form; an absent one is an empty object. @throws REQUEST_INVALID */
export async function bodyOf<T extends z.ZodType>(c: Context, schema: T): Promise<z.output<T>> {
  const text = await c.req.text();
  let body: unknown = {};
  try {
    if (text !== '') body = JSON.parse(text);
  } catch (error) {
    throw bridgeError('REQUEST_INVALID', { reason: 'the body is not JSON' }, { cause: error });
  }
  return parsed(schema, body);
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join('.') ?? '';
  const reason = `${where ? `${where}: ` : ''}${issue?.message ?? 'it has another form'}`;
  throw bridgeError('REQUEST_INVALID', { reason: reason.slice(0, 300) });
}

/** A query parameter as known words with commas between them; null when absent or empty. */
export function wordsOf<T extends string>(c: Context, name: string, known: readonly T[]): T[] | null {
  const text = c.req.query(name) ?? '';
  if (text === '') return null;
  return text.split(',').map((part) => {
    const word = known.find((k) => k === part);
    if (word === undefined) throw bridgeError('REQUEST_INVALID', { reason: `${name} is none of ${known.join(', ')}` });
    return word;
  });
}

/** A query parameter as short text; null when absent or empty. */
export function textOf(c: Context, name: string, most = 200): string | null {
  const text = c.req.query(name)?.trim() ?? '';
  if (text.length > most) throw bridgeError('REQUEST_INVALID', { reason: `${name} is longer than ${most} characters` });
  return text === '' ? null : text;
}
