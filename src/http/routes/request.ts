import type { Context } from 'hono';
import { bridgeError } from '../../domain/errors.ts';

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id of a run in a path or query; anything else is a run that does not exist. */
export function runIdOf(text: string | undefined): string {
  if (text === undefined || !uuidPattern.test(text))
    throw bridgeError('RUN_NOT_FOUND', { run: (text ?? '').slice(0, 40) });
  return text;
}

/** Text fields of a JSON body; those that are missing or no text are undefined. */
export async function textFields<const K extends string>(
  c: Context,
  names: readonly K[],
): Promise<Record<K, string | undefined>> {
  const body: unknown = await c.req.json().catch(() => null);
  const found = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return Object.fromEntries(
    names.map((name) => {
      const value = found[name];
      return [name, typeof value === 'string' && value.length <= 4_000 ? value : undefined];
    }),
  ) as Record<K, string | undefined>;
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
