import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { bridgeError } from '../../domain/errors.ts';
import { transaction, type Database, type Pool } from '../../lib/database.ts';
import { insertAudit } from '../../runs/write-run.ts';
import type { Scope } from './scopes.ts';
import type { Viewer } from './viewer.ts';

export interface ApiToken {
  id: string;
  name: string;
  scopes: Scope[];
  madeBy: string;
  madeAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

const columns = `id, name, scopes, made_by as "madeBy", made_at as "madeAt", expires_at as "expiresAt",
  last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

/**
 * Makes a token. It cannot be read again later.
 *
 * @param expiresInDays null: it never expires
 * @throws API_TOKEN_NAME_TAKEN
 */
export async function createApiToken(
  runs: Pool,
  token: { name: string; scopes: readonly Scope[]; madeBy: string; expiresInDays: number | null },
): Promise<{ token: string; id: string }> {
  const id = randomBytes(6).toString('hex');
  const text = `bbt_${id}_${randomBytes(32).toString('base64url')}`;
  await transaction(runs, async (tx) => {
    const { rowCount } = await tx.query(
      `insert into bridge.api_tokens (id, name, hash, scopes, made_by, expires_at)
       values ($1, $2, $3, $4, $5, clock_timestamp() + $6::int * interval '1 day')
       on conflict (name) where revoked_at is null do nothing`,
      [id, token.name, digest(text), token.scopes, token.madeBy, token.expiresInDays],
    );
    if (!rowCount) throw bridgeError('API_TOKEN_NAME_TAKEN', { name: token.name });
    const reason = `${token.name}: ${token.scopes.join(', ')}`;
    await insertAudit(tx, { who: token.madeBy, action: 'token create', runId: null, reason });
  });
  return { token: text, id };
}

/** All tokens, also those that are revoked; newest first. */
export async function listApiTokens(db: Database): Promise<ApiToken[]> {
  const { rows } = await db.query<ApiToken & Record<string, unknown>>(
    `select ${columns} from bridge.api_tokens order by made_at desc limit 1000`,
  );
  return rows;
}

/** Ends a token, by name or id. @throws API_TOKEN_UNKNOWN */
export async function revokeApiToken(runs: Pool, nameOrId: string, who: string): Promise<void> {
  await transaction(runs, async (tx) => {
    const { rows } = await tx.query<{ name: string }>(
      `update bridge.api_tokens set revoked_at = clock_timestamp(), revoked_by = $2
       where (name = $1 or id = $1) and revoked_at is null returning name`,
      [nameOrId, who],
    );
    const [revoked] = rows;
    if (!revoked) throw bridgeError('API_TOKEN_UNKNOWN', { token: nameOrId });
    await insertAudit(tx, { who, action: 'token revoke', runId: null, reason: revoked.name });
  });
}

/** The token of an `Authorization` header; null for any other header, such as one that a proxy adds. */
export function bearerToken(header: string | undefined): string | null {
  return /^Bearer (bbt_\S*)$/i.exec(header ?? '')?.[1] ?? null;
}

/** Whose token it is. @throws API_TOKEN_REFUSED */
export async function tokenViewer(db: Database, token: string): Promise<Viewer> {
  const id = /^bbt_([0-9a-f]{12})_[\w-]{43}$/.exec(token)?.[1];
  if (id === undefined) throw bridgeError('API_TOKEN_REFUSED', {});
  const { rows } = await db.query<{ name: string; hash: Buffer; scopes: Scope[]; stale: boolean }>(
    `select name, hash, scopes, coalesce(last_used_at < clock_timestamp() - interval '1 minute', true) as stale
     from bridge.api_tokens
     where id = $1 and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`,
    [id],
  );
  const [found] = rows;
  if (!found || !timingSafeEqual(found.hash, digest(token))) throw bridgeError('API_TOKEN_REFUSED', {});
  // To the minute: a machine that asks every second does not write every second.
  if (found.stale) await db.query('update bridge.api_tokens set last_used_at = clock_timestamp() where id = $1', [id]);
  const admin = found.scopes.includes('admin');
  return { name: `token ${found.name}`, userId: null, admin, groups: [], scopes: found.scopes };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
