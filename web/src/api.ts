import type { Fixer } from '../../src/domain/errors/define.ts';
import type { Problem } from '../../src/http/problem.ts';

/** Path that everything stands below, without a slash at its end; empty without a proxy. */
export const basePath = (document.querySelector<HTMLMetaElement>('meta[name="base-path"]')?.content ?? '/').replace(
  /\/$/,
  '',
);

/** What the server says when it refuses. */
export class ApiError extends Error {
  readonly status: number;
  /** Of the registry of errors; null where something before the server answered. */
  readonly code: Problem['code'] | null;
  readonly remedy: string;
  readonly who: Fixer | null;

  constructor(status: number, problem: Partial<Problem> | null) {
    super(problem?.title ?? `The server answered ${status}.`);
    this.name = 'ApiError';
    this.status = status;
    this.code = problem?.code ?? null;
    this.remedy = problem?.detail ?? '';
    this.who = problem?.who ?? null;
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(`${basePath}${path}`, {
    headers: { accept: 'application/json' },
    ...(signal ? { signal } : {}),
  });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

export async function postJson(path: string, body: unknown): Promise<void> {
  await post(path, body);
}

/** Posts, and gives what the server answered. */
export async function postFor<T>(path: string, body: unknown): Promise<T> {
  return (await (await post(path, body)).json()) as T;
}

async function post(path: string, body: unknown): Promise<Response> {
  const response = await fetch(`${basePath}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw await errorOf(response);
  return response;
}

export async function deleteAt(path: string): Promise<void> {
  const response = await fetch(`${basePath}${path}`, { method: 'DELETE' });
  if (!response.ok) throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
  return new ApiError(response.status, problem);
}
