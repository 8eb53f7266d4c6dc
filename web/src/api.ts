import type { Fixer } from '../../src/domain/errors/define.ts';

/** What the server says when it refuses. */
export class ApiError extends Error {
  readonly status: number;
  readonly remedy: string;
  readonly who: Fixer | null;

  constructor(status: number, message: string, remedy: string, who: Fixer | null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.remedy = remedy;
    this.who = who;
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, { headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

export async function postJson(path: string, body: unknown): Promise<void> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw await errorOf(response);
}

export async function deleteAt(path: string): Promise<void> {
  const response = await fetch(path, { method: 'DELETE' });
  if (!response.ok) throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as {
    error?: { message: string; remedy: string; who: Fixer };
  } | null;
  return new ApiError(
    response.status,
    body?.error?.message ?? `The server answered ${response.status}.`,
    body?.error?.remedy ?? '',
    body?.error?.who ?? null,
  );
}
