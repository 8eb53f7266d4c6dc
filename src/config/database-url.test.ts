import * as fc from 'fast-check';
import { Client } from 'pg';
import { expect, inject, test } from 'vitest';
import { maskDatabaseUrl, normaliseDatabaseUrl } from './database-url.ts';

function normalised(text: string): string {
  const result = normaliseDatabaseUrl(text);
  if ('wrong' in result) throw new Error(result.wrong);
  return result.url;
}

function asPgSees(text: string): Record<string, unknown> {
  const client = new Client({ connectionString: normalised(text) });
  const { user, password, host, port, database } = client;
  return { user, password, host, port, database };
}

test('SQLAlchemy forms become what pg connects to', () => {
  const expected = { user: 'user', password: 'pass', host: 'database-biomero', port: 5432, database: 'db' };
  for (const scheme of ['postgresql+psycopg2', 'postgresql', 'postgres', 'postgresql+psycopg'])
    expect(asPgSees(`${scheme}://user:pass@database-biomero:5432/db`)).toEqual(expected);
  expect(asPgSees('postgresql://u:p@/db?host=/var/run/my socket')).toMatchObject({ host: '/var/run/my socket' });
  expect(asPgSees('postgresql://u:p@elsewhere:6543/db?host=/run/pg')).toMatchObject({ host: '/run/pg', port: 6543 });
  expect(asPgSees('postgresql://u:p@[::1]:6543/db')).toMatchObject({ host: '::1', port: 6543 });
  expect(asPgSees('postgresql://u:a/b?c#d%40%25e%w@h/db')).toMatchObject({ password: 'a/b?c#d@%e%w', host: 'h' });
});

test('any user, password and database arrive as they were', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => !s.includes('\0') && s.trim() === s);
  fc.assert(
    fc.property(
      word,
      word,
      word.filter((s) => !/[?#]|^\.\.?$|\/\.|\.\//.test(s)),
      (user, password, database) => {
        const [u, p, d] = [user, password, database].map((s) => encodeURIComponent(s));
        const seen = asPgSees(`postgresql+psycopg2://${u}:${p}@host/${d}`);
        expect(seen).toMatchObject({ user, password, database });
      },
    ),
  );
});

test('a normalised URL of a unix socket connects', async () => {
  const client = new Client({ connectionString: normalised(inject('postgresUrl')) });
  await client.connect();
  expect((await client.query<{ n: number }>('select 1 as n')).rows).toEqual([{ n: 1 }]);
  await client.end();
});

test('TLS modes mean what libpq means', () => {
  expect(normalised('postgresql://u@h/d?sslmode=require')).toContain('sslmode=require&uselibpqcompat=true');
  expect(normalised('postgresql://u@h/d?sslmode=prefer')).not.toContain('ssl');
  expect(normalised('postgresql://u@h/d?sslmode=disable')).toContain('sslmode=disable');
});

test('other databases and broken URLs are refused without showing a password', () => {
  for (const text of [
    'mysql://u:geheim@h/d',
    'sqlite:///geheim.db',
    'postgresql+oracle://u:geheim@h/d',
    'geheim',
    'postgresql://u:geheim@h:port/d',
    'postgresql://u:geheim@h',
    'postgresql://u:geheim@h1/d?host=a,b',
    'postgresql://u:geheim@h1/d%3F',
    'postgresql://u:geheim@h1/..',
  ]) {
    const result = normaliseDatabaseUrl(text);
    expect(result, text).toHaveProperty('wrong');
    expect(JSON.stringify(result)).not.toContain('geheim');
  }
});

test('the mask hides passwords wherever they stand', () => {
  expect(maskDatabaseUrl(normalised('postgresql://u:geheim@h/d'))).toBe('postgresql://u:***@h/d');
  expect(maskDatabaseUrl(normalised('postgresql://u@h/d?password=geheim'))).toBe('postgresql://u@h/d?password=***');
});
