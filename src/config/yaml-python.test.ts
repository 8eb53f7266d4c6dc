import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeWithPart } from '../../test/support/optional-part.ts';
import { parseWithLines } from './yaml-lines.ts';

// BIOMERO.importer reads settings.yml with PyYAML's safe_load.
const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
const program = `
import json, math, sys, yaml
def plain(v):
    if v is None or isinstance(v, (bool, str)): return v
    if isinstance(v, (int, float)): return str(v) if math.isinf(v) or math.isnan(v) else float(v)
    if isinstance(v, list): return [plain(x) for x in v]
    if isinstance(v, dict): return {str(k): plain(x) for k, x in v.items()}
    return 'a date'
out = []
for text in json.load(sys.stdin):
    try:
        out.append([plain(yaml.safe_load(text))])
    except (yaml.YAMLError, ValueError):
        out.append(None)
json.dump(out, sys.stdout)
`;
const hasYaml = spawnSync(python, ['-c', 'import yaml']).status === 0;

function byPython(inputs: readonly string[]): ([unknown] | null)[] {
  const { stdout, status, stderr } = spawnSync(python, ['-c', program], {
    input: JSON.stringify(inputs),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ([unknown] | null)[];
}

function byUs(text: string): [unknown] | null {
  const { document, errors } = parseWithLines(text);
  return errors.length ? null : [plain(document.toJS())];
}

function plain(value: unknown): unknown {
  if (typeof value === 'number')
    return Number.isNaN(value) ? 'nan' : Number.isFinite(value) ? value : value > 0 ? 'inf' : '-inf';
  if (value instanceof Date) return 'a date';
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const words =
  'y n Y N yes no Yes NO on off On OFF true TRUE tRue ~ null Null 0 1 -1 +3 0777 0o17 0x1F 0b101 1_000 08 09 1:2';
const numbers =
  '12:30 12:30:45 190:20:30.15 1.5 .5 1. 1e3 1.0e+3 1e+3 -.inf .inf .nan 0b 0x 0.1.2 685.230_15e+03 - 4GB';
const quoted = [
  `"yes"`,
  `'4'`,
  `'it''s'`,
  `"\\x41\\n"`,
  '[1, y, on]',
  '{a: on, b: n}',
  'a #c',
  'a#b',
  '!!str 4',
  '!!int "4"',
];
const others = [
  '',
  '/data',
  'postgresql+psycopg2://u:p@h:5432/d',
  '"{Files}"',
  '!x y',
  '2023-01-01',
  '|\n  x\n  y',
  '>\n  x\n  y',
];
const value = fc.constantFrom(...words.split(' '), ...numbers.split(' '), ...quoted, ...others);
const key = fc.constantFrom('base_dir', 'skip_all', 'max_workers', 'sample_image', '"log_level"');
const line = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(key, fc.constantFrom(': ', ':   '), value, fc.constantFrom('', ' # note'))
      .map((p) => p.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('# a comment', '', '---', '  indented: 1', '- a', 'no colon', 'list:\n- 1\n- 2'),
  },
);
const text = fc
  .uniqueArray(line, { maxLength: 4, selector: (l) => l.split(':')[0] })
  .map((lines) => `${lines.join('\n')}\n`);

describeWithPart('Python peers', hasYaml, 'settings.yml', () => {
  test('each value means to us what it means to PyYAML', () => {
    const inputs = fc.sample(
      value.map((v) => `k: ${v}\n`),
      800,
    );
    const theirs = byPython(inputs);
    for (const [i, input] of inputs.entries()) expect(byUs(input), input).toEqual(theirs[i]);
  });

  test('and so does a whole file', () => {
    const inputs = fc.sample(text, 1500);
    const theirs = byPython(inputs);
    expect(theirs.filter((t) => t === null).length).toBeGreaterThan(30);
    for (const [i, input] of inputs.entries()) expect(byUs(input), JSON.stringify(input)).toEqual(theirs[i]);
  });
});
