import { userInfo } from 'node:os';
import { printable } from '../domain/errors.ts';
import { createApiToken, listApiTokens, revokeApiToken, type ApiToken } from '../http/identity/api-tokens.ts';
import type { Scope } from '../http/identity/scopes.ts';
import { formatTable } from './format.ts';
import { openSite } from './site.ts';

/** `token create NAME`: prints the token, once, on standard output alone. */
export async function create(
  name: string,
  options: { scope: Scope[]; days?: number; as?: string; data: string },
): Promise<void> {
  const site = await openSite(options.data);
  try {
    const made = { name, scopes: options.scope, madeBy: who(options.as), expiresInDays: options.days ?? null };
    const { token } = await createApiToken(site.runs, made);
    process.stderr.write('Keep it safe: it is not shown again. Send it as "Authorization: Bearer …".\n');
    process.stdout.write(`${token}\n`);
  } finally {
    await site.close();
  }
}

/** `token list`. */
export async function list(options: { json?: boolean; data: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    const tokens = await listApiTokens(site.runs);
    if (options.json) process.stdout.write(`${JSON.stringify(tokens, null, 2)}\n`);
    else if (!tokens.length) process.stdout.write('There is no token. Make one: biomero-bridge token create\n');
    else
      process.stdout.write(
        `${formatTable([
          ['ID', 'NAME', 'SCOPES', 'MADE BY', 'MADE', 'EXPIRES', 'LAST USED', 'STATE'],
          ...tokens.map((t) => [
            t.id,
            printable(t.name),
            t.scopes.join(', '),
            printable(t.madeBy),
            day(t.madeAt),
            t.expiresAt ? day(t.expiresAt) : 'never',
            t.lastUsedAt ? t.lastUsedAt.toISOString().slice(0, 16) : 'never',
            stateOf(t),
          ]),
        ])}\n`,
      );
  } finally {
    await site.close();
  }
}

/** `token revoke TOKEN`. */
export async function revoke(nameOrId: string, options: { as?: string; data: string }): Promise<void> {
  const site = await openSite(options.data);
  try {
    await revokeApiToken(site.runs, nameOrId, who(options.as));
    process.stdout.write('Revoked: it is refused from now on.\n');
  } finally {
    await site.close();
  }
}

function stateOf(token: ApiToken): string {
  if (token.revokedAt) return 'revoked';
  return token.expiresAt && token.expiresAt.getTime() < Date.now() ? 'expired' : 'valid';
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function who(as: string | undefined): string {
  return as ?? `${userInfo().username} on the command line`;
}
