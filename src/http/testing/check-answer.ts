import { z } from 'zod';
import { statusOf } from '../openapi.ts';
import type { Method, Route } from '../route.ts';
import { problemSchema } from '../schemas/common.ts';

/**
 * Holds an answer against what its route promises: status, media type, and every field of the JSON, none more and none
 * less. Throws with the first difference.
 */
export async function checkAnswer(
  routes: readonly Route[],
  method: Method,
  path: string,
  answer: Response,
): Promise<void> {
  const [address = ''] = path.split('?');
  const type = answer.headers.get('content-type') ?? '';
  if (answer.status >= 400) {
    if (!type.startsWith('application/problem+json')) throw new Error(`${method} ${path}: ${answer.status} is ${type}`);
    problemSchema.parse(await answer.clone().json());
    return;
  }
  const route = routes.find((r) => r.method === method && matches(r.path, address));
  if (!route) throw new Error(`${method} ${path} has no route`);
  const { api } = route;
  if (answer.status !== statusOf(api) && !(api.status === 201 && answer.status === 200))
    throw new Error(`${method} ${path} answers ${answer.status}, not ${statusOf(api)}`);
  if (api.answer === null) return;
  if (typeof api.answer === 'string') {
    if (!type.startsWith(api.answer)) throw new Error(`${method} ${path} answers ${type}, not ${api.answer}`);
    return;
  }
  const body: unknown = await answer.clone().json();
  const result = api.answer.safeParse(body);
  if (!result.success) throw new Error(`${method} ${path}: ${z.prettifyError(result.error)}`);
  const [said, known] = [JSON.stringify(sorted(body)), JSON.stringify(sorted(result.data))];
  if (said !== known) throw new Error(`${method} ${path} has fields that its schema does not name: ${said} / ${known}`);
}

function matches(pattern: string, path: string): boolean {
  const [a, b] = [pattern.split('/'), path.split('/')];
  return a.length === b.length && a.every((part, i) => part.startsWith(':') || part === b[i]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, v]) => [key, sorted(v)]),
  );
}
