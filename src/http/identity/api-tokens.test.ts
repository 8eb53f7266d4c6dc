import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { bearerToken, createApiToken, listApiTokens, revokeApiToken, tokenViewer } from './api-tokens.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
});
afterAll(() => db.drop());

const make = (name: string, expiresInDays: number | null = null): ReturnType<typeof createApiToken> =>
  createApiToken(db.pool, { name, scopes: ['read', 'import'], madeBy: 'chief', expiresInDays });

test('a token says who its holder is and what they may do, and is stored nowhere', async () => {
  const { token, id } = await make('scripts');
  expect(await tokenViewer(db.pool, token)).toEqual({
    name: 'token scripts',
    userId: null,
    admin: false,
    groups: [],
    scopes: ['read', 'import'],
  });
  const { rows } = await db.pool.query(`select t::text as row from bridge.api_tokens t
    union all select a::text from bridge.audit a`);
  const secret = token.split('_').slice(2).join('_');
  expect(rows.filter((r) => String(r.row).includes(secret))).toEqual([]);
  const [listed] = await listApiTokens(db.pool);
  expect(listed).toMatchObject({ id, name: 'scripts', madeBy: 'chief', expiresAt: null });
  expect(listed?.lastUsedAt).toBeInstanceOf(Date);
});

test.each([
  ['another secret', (token: string) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`],
  ['another id', (token: string) => token.replace(/_.{12}_/, '_000000000000_')],
  ['a longer one', (token: string) => `${token}A`],
  ['no secret', (token: string) => token.slice(0, 17)],
])('%s is refused', async (what, change) => {
  const { token } = await make(what);
  await expect(tokenViewer(db.pool, change(token))).rejects.toMatchObject({ code: 'API_TOKEN_REFUSED', status: 401 });
});

test('a token ends when it is revoked and when it expires', async () => {
  const [revoked, old] = [await make('revoked'), await make('old', 1)];
  await revokeApiToken(db.pool, 'revoked', 'chief');
  await expect(tokenViewer(db.pool, revoked.token)).rejects.toMatchObject({ code: 'API_TOKEN_REFUSED' });
  await expect(revokeApiToken(db.pool, 'revoked', 'chief')).rejects.toMatchObject({ code: 'API_TOKEN_UNKNOWN' });
  expect((await tokenViewer(db.pool, old.token)).name).toBe('token old');
  await db.pool.query(`update bridge.api_tokens set expires_at = now() - interval '1 second' where id = $1`, [old.id]);
  await expect(tokenViewer(db.pool, old.token)).rejects.toMatchObject({ code: 'API_TOKEN_REFUSED' });
  // Its name is free again, and what happened is in the audit.
  await make('revoked');
  await expect(make('revoked')).rejects.toMatchObject({ code: 'API_TOKEN_NAME_TAKEN' });
  const { rows } = await db.pool.query(`select action from bridge.audit where reason like 'revoked%' order by id`);
  expect(rows.map((r) => r.action)).toEqual(['token create', 'token revoke', 'token create']);
});

test('only our tokens are taken for one: a header that a proxy adds is not', () => {
  expect(bearerToken('Bearer bbt_x')).toBe('bbt_x');
  expect(bearerToken('bearer bbt_x')).toBe('bbt_x');
  for (const other of [undefined, '', 'Basic bbt_x', 'Bearer eyJhbGciOi', 'Bearer  bbt_x y'])
    expect(bearerToken(other)).toBeNull();
});
