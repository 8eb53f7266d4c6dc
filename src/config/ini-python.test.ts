import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeWithPart, hasExecutable } from '../../test/support/optional-part.ts';
import { Ini, IniError } from './ini.ts';

const program = `
import configparser, json, sys
out = []
for texts in json.load(sys.stdin):
    parser = configparser.ConfigParser(allow_no_value=True)
    try:
        for text in texts:
            parser.read_string(text)
    except (configparser.Error, AttributeError, TypeError):
        out.append(None)
        continue
    result = {}
    for section in parser.sections():
        values = {}
        for key in parser.options(section):
            try:
                values[key] = [parser.get(section, key)]
            except (configparser.Error, TypeError):
                values[key] = None
        result[section] = values
    out.append(result)
json.dump(out, sys.stdout)
`;

type Read = Record<string, Record<string, [string | null] | null>> | null;

function byPython(inputs: string[][]): Read[] {
  const { stdout, status, stderr } = spawnSync('python3', ['-c', program], {
    input: JSON.stringify(inputs),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Read[];
}

function byUs(texts: string[]): Read {
  const ini = new Ini();
  try {
    for (const text of texts) ini.read(text, 'x.ini');
  } catch (error) {
    if (error instanceof IniError) return null;
    throw error;
  }
  const result: Record<string, Record<string, [string | null] | null>> = {};
  for (const section of ini.sections()) {
    const values: Record<string, [string | null] | null> = {};
    for (const key of allKeys.filter((k) => k === k.toLowerCase())) {
      try {
        const hit = ini.get(section, key);
        if (hit) values[key] = [hit.value];
      } catch (error) {
        if (!(error instanceof IniError)) throw error;
        values[key] = null;
      }
    }
    result[section] = values;
  }
  return result;
}

const allKeys = ['a', 'B', 'b', 'slurm_data_path', 'sbatch_mem', 'ä', 'two words', '%(a)s'];
const pieces = ['x', ' ', '%%', '%', '%(a)s', '%(B)s', '%(nothing)s', '=', ':', '#', ';', 'é', '[', ']', '\u00a0'];
const value = fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map((p) => p.join(''));
const indent = fc.constantFrom('', '', '', ' ', '    ', '\t', '\u00a0');
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(indent, fc.constantFrom(...allKeys), fc.constantFrom('=', ' = ', ':', ' : '), value),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(indent, fc.constantFrom('[SLURM]', '[slurm]', '[DEFAULT]', '[SSH]', '[a]b]', '[x')),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('  ', '\t'), value) },
  { weight: 1, arbitrary: fc.tuple(indent, fc.constantFrom('# c', '; c', '', '   ', '\u0085')) },
  { weight: 1, arbitrary: fc.tuple(indent, fc.constantFrom(...allKeys)) },
);
const file = fc
  .tuple(
    fc.constantFrom('[SLURM]', '[SLURM]', '[DEFAULT]', '[SSH]'),
    fc.array(
      line.map((parts) => parts.join('')),
      { maxLength: 8 },
    ),
    fc.constantFrom('\n', '\r\n'),
  )
  .map(([head, lines, end]) => [head, ...lines].join(end));

describeWithPart('Python peers', hasExecutable('python3'), 'ini files', () => {
  test('are read as Python reads them', () => {
    const inputs = fc.sample(fc.array(file, { minLength: 1, maxLength: 2 }), 4000);
    const expected = byPython(inputs);
    expect(expected.filter((e) => e !== null).length).toBeGreaterThan(1000);
    expect(expected.filter((e) => e === null).length).toBeGreaterThan(200);
    for (const [i, texts] of inputs.entries()) {
      const mine = byUs(texts);
      const theirs = expected[i] ?? null;
      // Python lists what stands there; only the keys that we ask for can be compared.
      for (const values of Object.values(theirs ?? {}))
        for (const key of Object.keys(values)) if (!allKeys.includes(key)) delete values[key];
      expect(mine, JSON.stringify(texts)).toEqual(theirs);
    }
  });
});
