import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeWithPart } from '../../test/support/optional-part.ts';
import { fileSchemas } from '../config/file-schemas.ts';
import { violations, type JsonSchema } from './json-schema.ts';

const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
const hasJsonSchema = spawnSync(python, ['-c', 'import jsonschema']).status === 0;

const program = `
import json, sys
from jsonschema import Draft202012Validator
schemas, cases = json.load(sys.stdin)
validators = []
for schema in schemas:
    Draft202012Validator.check_schema(schema)
    validators.append(Draft202012Validator(schema))
json.dump([sorted({'.'.join(map(str, e.absolute_path)) for e in validators[i].iter_errors(value)}) for i, value in cases], sys.stdout)
`;

/** Paths at which Python's jsonschema finds an error. */
function byPython(schemas: readonly JsonSchema[], cases: readonly (readonly [number, unknown])[]): string[][] {
  const input = JSON.stringify([schemas, cases]);
  const { stdout, status, stderr } = spawnSync(python, ['-c', program], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as string[][];
}

/** What is missing or too much is an error of the object for the standard, and of the key for us. */
function byUs(schema: JsonSchema, value: unknown): string[] {
  const paths = violations(schema, value).map(({ path, keyword }) =>
    (keyword === 'required' || keyword === 'additionalProperties' ? path.slice(0, -1) : path).join('.'),
  );
  return [...new Set(paths)].sort();
}

const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    1,
    -1,
    4,
    2.5,
    86_400,
    86_401,
    '',
    '/data',
    'data',
    'yes',
    'TRUE',
    '1',
    '0',
  ),
  fc.constantFrom<unknown>('007', '2023-01-01', '--x', 'jein', '😀', '12345678901234567', 'a\nb'),
);
const key = fc.constantFrom(
  ...['base_dir', 'max_workers', 'skip_all', 'shutdown_timeout', 'log_level', 'group_mappings', '53', '54x', 'folder'],
  ...['groupName', 'container', 'extra_params', 'PREPROCESSING_CONFIG', 'UPLOADER', 'SLURM', 'ANALYTICS', 'WORKFLOWS'],
  ...[
    'sacct_days_ago',
    'track_workflows',
    'a_use_gpu',
    'a_job_mem',
    'sbatch_x',
    '$schema',
    'sacct_start_time',
    '__proto__',
  ],
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

describeWithPart('Python peers', hasJsonSchema, 'JSON Schemas', () => {
  test('are valid, and our check finds what Python’s jsonschema finds', () => {
    const own: JsonSchema[] = Object.values(fileSchemas);
    const schemas: JsonSchema[] = [
      ...own,
      { type: 'array', items: { type: ['integer', 'string'], minimum: 1, minLength: 2 } },
      { enum: [1, 'a', null], maximum: 3 },
      {
        properties: { folder: { type: 'string' } },
        patternProperties: { 'o|5': { minLength: 3 } },
        additionalProperties: false,
      },
    ];
    const cases = fc.sample(fc.tuple(fc.nat(schemas.length - 1), value), 6000).map(([i, v]) => {
      // As it travels: JSON knows no undefined, and "__proto__" is a key like others.
      return [i, JSON.parse(JSON.stringify(v)) as unknown] as const;
    });
    const expected = byPython(schemas, cases);
    expect(expected.filter((e) => e.length === 0).length).toBeGreaterThan(300);
    expect(expected.filter((e) => e.length > 0).length).toBeGreaterThan(300);
    for (const [n, [i, v]] of cases.entries())
      expect(byUs(schemas[i] ?? {}, v), JSON.stringify([i, v])).toEqual(expected[n]);
  });
});
