import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { bridgeError } from '../../domain/errors.ts';
import { transaction, type Database, type Pool } from '../../lib/database.ts';
import { insertAudit } from '../../runs/write-run.ts';

/** Days that a link is open, and the most that somebody may ask for. */
export const shareDays = { usual: 14, most: 90 } as const;
/** Open links of one run. */
const mostLinks = 20;

/** A link that opens one run, read-only, to whoever holds it. */
export interface ShareLink {
  readonly id: string;
  readonly runId: string;
  readonly madeBy: string;
  /** OMERO id; null: the quick start's token, which is nobody in OMERO. */
  readonly madeById: number | null;
  readonly madeAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Whoever makes or revokes a link. */
export interface Sharer {
  readonly name: string;
  readonly userId: number | null;
}

const columns = `id, run_id as "runId", made_by as "madeBy", made_by_id as "madeById", made_at as "madeAt",
  expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

/**
 * Makes a link. Its token cannot be read again later.
 *
 * @throws TOO_MANY_SHARE_LINKS
 */
export async function createShareLink(
  runs: Pool,
  runId: string,
  maker: Sharer,
  days: number,
): Promise<{ link: ShareLink; token: string }> {
  const id = randomBytes(6).toString('hex');
  const token = `bbs_${id}_${randomBytes(32).toString('base64url')}`;
  return await transaction(runs, async (tx) => {
    // Two who share at once take turns, so that the limit holds.
    await tx.query('select 1 from bridge.runs where id = $1 for update', [runId]);
    if ((await listOpenShareLinks(tx, runId)).length >= mostLinks)
      throw bridgeError('TOO_MANY_SHARE_LINKS', { limit: mostLinks });
    const { rows } = await tx.query<ShareLink & Record<string, unknown>>(
      `insert into bridge.share_links (id, run_id, hash, made_by, made_by_id, expires_at)
       values ($1, $2, $3, $4, $5, clock_timestamp() + $6::int * interval '1 day') returning ${columns}`,
      [id, runId, digest(token), maker.name, maker.userId, days],
    );
    const [link] = rows;
    if (!link) throw new Error('the new link was not returned');
    const reason = `link ${id}, open until ${link.expiresAt.toISOString()}`;
    await insertAudit(tx, { who: maker.name, action: 'share', runId, reason });
    return { link, token };
  });
}

/** Links of a run that are neither revoked nor expired, newest first. */
export async function listOpenShareLinks(db: Database, runId: string): Promise<ShareLink[]> {
  const { rows } = await db.query<ShareLink & Record<string, unknown>>(
    `select ${columns} from bridge.share_links
     where run_id = $1 and revoked_at is null and expires_at > clock_timestamp() order by made_at desc`,
    [runId],
  );
  return rows;
}

/** Ends an open link of a run for good; false when it was not open. */
export async function revokeShareLink(runs: Pool, link: ShareLink, who: string): Promise<boolean> {
  return await transaction(runs, async (tx) => {
    const { rowCount } = await tx.query(
      `update bridge.share_links set revoked_at = clock_timestamp(), revoked_by = $2
       where id = $1 and revoked_at is null`,
      [link.id, who],
    );
    if (!rowCount) return false;
    const reason = `link ${link.id}, made by ${link.madeBy}`;
    await insertAudit(tx, { who, action: 'share revoke', runId: link.runId, reason });
    return true;
  });
}

/** The link that a token belongs to, also one that has ended; null for any other text. */
export async function findShareLink(db: Database, token: string): Promise<ShareLink | null> {
  const id = /^bbs_([0-9a-f]{12})_[\w-]{43}$/.exec(token)?.[1];
  if (id === undefined) return null;
  const { rows } = await db.query<ShareLink & { hash: Buffer } & Record<string, unknown>>(
    `select ${columns}, hash from bridge.share_links where id = $1`,
    [id],
  );
  const [found] = rows;
  return found && timingSafeEqual(found.hash, digest(token)) ? found : null;
}

/** Notes that a link was used, to the minute: a page that asks every second does not write every second. */
export async function touchShareLink(db: Database, link: ShareLink): Promise<void> {
  if (link.lastUsedAt && Date.now() - link.lastUsedAt.getTime() < 60_000) return;
  await db.query('update bridge.share_links set last_used_at = clock_timestamp() where id = $1', [link.id]);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
