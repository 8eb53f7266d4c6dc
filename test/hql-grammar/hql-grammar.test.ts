import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openPool } from '../../src/lib/database.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { describeWithPart, hasExecutable } from '../support/optional-part.ts';
import { createTestDatabase } from '../support/postgres.ts';

// Each HQL text translated into SQL by the Hibernate of OMERO's servers, and the SQL planned by PostgreSQL: an unknown
// property, alias or function fails here. What only a server knows, its filters and its data, is not tested.
const jars = process.env['BIOMERO_HIBERNATE_JARS'] ?? '/opt/biomero-peers/hibernate';
const hibernate = existsSync(jars) && readdirSync(jars).includes('hibernate-core-3.6.10.Final.jar');

interface Translation {
  readonly hql: string;
  readonly sql: string | null;
  readonly error: string | null;
}

/** Translates queries in one Java process; the statements that make the tables come with it. */
async function translate(queries: readonly string[]): Promise<{ tables: string[]; translations: Translation[] }> {
  const folder = packageFile('test', 'hql-grammar');
  const java = spawn('java', ['-cp', join(jars, '*'), join(folder, 'ParseHql.java'), join(folder, 'omero-model.txt')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => java.once('close', resolve));
  onTestFinished(() => void java.kill('SIGKILL'));
  let out = '';
  let complaints = '';
  java.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  java.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  java.stdin.end(queries.map((hql) => `${hql.replace(/\s+/g, ' ')}\n`).join(''));
  expect(await ended, complaints).toBe(0);
  const lines = out.split('\n').flatMap((line) => {
    const [kind = '', text = ''] = line.split('\t');
    return kind === '' ? [] : [{ kind, text }];
  });
  const answers = lines.filter((line) => line.kind !== 'DDL');
  expect(answers, complaints).toHaveLength(queries.length);
  return {
    tables: lines.filter((line) => line.kind === 'DDL').map((line) => line.text),
    translations: answers.map(({ kind, text }, i) => ({
      hql: queries[i] ?? '',
      sql: kind === 'SQL' ? text : null,
      error: kind === 'SQL' ? null : text,
    })),
  };
}

/** HQL texts as they stand in the gateway's files. */
async function writtenQueries(): Promise<string[]> {
  const folder = packageFile('src', 'omero', 'queries');
  const texts: string[] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const source = await readFile(join(folder, name), 'utf8');
    for (const [, text = ''] of source.matchAll(/['"`]((?:select|from)\s[^'"`]*)['"`]/g))
      texts.push(text.replaceAll('${link}', 'ImageAnnotationLink'));
  }
  return texts;
}

describeWithPart('Java', hibernate && hasExecutable('java'), "every HQL text in Hibernate's own grammar", () => {
  test('is understood, and becomes SQL that PostgreSQL can plan', async () => {
    const queries = [...new Set(await writtenQueries())];
    expect(queries.length).toBeGreaterThan(15);
    const { tables, translations } = await translate(queries);
    expect(translations.filter((t) => t.error !== null)).toEqual([]);

    const database = await createTestDatabase();
    const pool = openPool(database.url, { max: 1 });
    onTestFinished(async () => {
      await pool.end();
      await database.drop();
    });
    for (const statement of tables) await pool.query(statement);
    const refused: string[] = [];
    for (const [i, { hql, sql }] of translations.entries()) {
      let parameter = 0;
      const numbered = (sql ?? '').replace(/\?/g, () => `$${++parameter}`);
      await pool.query(`prepare q${i} as ${numbered}`).catch((e: unknown) => refused.push(`${hql}: ${String(e)}`));
    }
    expect(refused).toEqual([]);
  });

  test('an unknown property, alias, entity or operator is refused', async () => {
    const wrong = [
      'select i.nope from Image i',
      'select x.id from Image i',
      'select i.id from Picture i',
      'select i.id from Image i where i.fileset.images.id = :id',
      'select e.id from Experimenter e where e.details.owner.id = :id',
      'select i.id from Image i limit 5',
    ];
    const { translations } = await translate(wrong);
    expect(translations.filter((t) => t.error === null)).toEqual([]);
  });
});
