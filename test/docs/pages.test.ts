import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/metrics/metrics.ts';
import { migrate } from '../../src/lib/migrate.ts';
import { packageFile, packageRoot } from '../../src/lib/package-root.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { deployText } from '../support/compose-file.ts';
import { createTestDatabase } from '../support/postgres.ts';

const pages = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'],
  ...readdirSync(packageFile('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].map((name) => ({ name, text: readFileSync(packageFile(name), 'utf8') }));

/** Names of a page's headings as GitHub and others make them. */
function anchors(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('every link between pages leads somewhere', () => {
  const broken: string[] = [];
  for (const { name, text } of pages) {
    for (const [, target = ''] of text.replaceAll(/^```.*?^```/gms, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? packageFile(name) : join(packageRoot, dirname(name), path);
      const isThere = existsSync(file) && !relative(packageRoot, file).startsWith('..');
      const hasAnchor =
        anchor === undefined || (isThere && statSync(file).isFile() && anchors(readFileSync(file, 'utf8')).has(anchor));
      if (!isThere || !hasAnchor) broken.push(`${name}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test('every guide and page of reference is in the index', () => {
  const index = readFileSync(packageFile('docs', 'README.md'), 'utf8');
  const missing = ['guides', 'reference'].flatMap((folder) =>
    readdirSync(packageFile('docs', folder))
      .filter((name) => !index.includes(`(${folder}/${name})`))
      .map((name) => `${folder}/${name}`),
  );
  expect(missing).toEqual([]);
});

test('every command in the guides exists', () => {
  const reference = readFileSync(packageFile('docs', 'reference', 'command-line.md'), 'utf8');
  const commands = new Set([...reference.matchAll(/^Usage: biomero-bridge ([a-z-]+(?: [a-z-]+)?)(?= |$)/gm)].map((match) => match[1]));
  expect(commands.size).toBeGreaterThan(20);
  const unknown = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/(?:`|^)biomero-bridge ([a-z][a-z-]*(?: [a-z][a-z-]*)?)(?=[ `\n])/gm)]
      .map((match) => match[1] ?? '')
      .filter((words) => name.startsWith('docs/guides') && !isCommand(words, commands))
      .map((words) => `${name}: ${words}`),
  );
  expect(unknown).toEqual([]);
});

test('alerts are about figures that exist, and each is explained', async () => {
  const database = await createTestDatabase();
  try {
    await ensureImports(database.pool);
    await migrate(database.pool, 'runs');
    const served = await new Metrics({ runs: database.pool, orders: database.pool }).registry.metrics();
    const names = new Set([...served.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
    const table = readFileSync(packageFile('docs', 'reference', 'metrics.md'), 'utf8');
    const { groups } = parse(deployText('prometheus/alerts.yml')) as {
      groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(5);
    const guide = readFileSync(packageFile('docs', 'guides', 'operate.md'), 'utf8');
    for (const { alert, expr, annotations } of rules) {
      expect(guide).toContain(`| ${alert} |`);
      expect(annotations.summary).not.toBe('');
      for (const [, name = '', label] of expr.matchAll(/(biomero_bridge_\w+)(?:\{(\w+)=)?/g)) {
        expect(names).toContain(name);
        if (label !== undefined) expect(table).toContain(`\`${name}{${label}}\``);
      }
    }
  } finally {
    await database.drop();
  }
});

function isCommand(words: string, commands: ReadonlySet<string | undefined>): boolean {
  const [first = ''] = words.split(' ');
  return commands.has(words) || (commands.has(first) && ![...commands].some((c) => c?.startsWith(`${first} `)));
}
