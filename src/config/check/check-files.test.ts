import * as fc from 'fast-check';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { violations, type JsonSchema } from '../../lib/json-schema.ts';
import { fileSchemas } from '../file-schemas.ts';
import { settings } from '../settings-table.ts';
import { bool, whole } from '../values.ts';
import { checkFiles } from './check-files.ts';
import { recognise, type CheckedType } from './recognise.ts';

/** Checks texts as files of these names; findings as `FILE:LINE LEVEL KEY: REASON | REMEDY`. */
async function check(
  texts: Record<string, string>,
  options: { as?: CheckedType; baseDir?: string } = {},
): Promise<string[]> {
  const folder = await temporaryFolder('check');
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text);
  const { findings } = await checkFiles(
    Object.keys(texts).map((name) => join(folder, name)),
    options,
  );
  return findings.map(
    (f) => `${f.file.slice(folder.length + 1)}:${f.line ?? '-'} ${f.level} ${f.key}: ${f.reason} | ${f.remedy}`,
  );
}

const dialect = 'Give a PostgreSQL URL such as postgresql+psycopg2://user:password@host:5432/database.';

test('settings.yml: what is wrong, misspelt and all right', async () => {
  const text = `log_file_path: logs/app.logs
base_dir: data
max_workers: "four"   # a text
max_worker: 3
skip_all: yes
skip_minmax: "no"
ingest_tracking_db: sqlite:///geheim
sample_image: /data/x
shutdown_timeout: .inf
parallel_upload_per_worker:
`;
  expect(await check({ 'settings.yml': text })).toEqual([
    'settings.yml:2 error base_dir: it is "data" | Give an absolute path.',
    'settings.yml:3 error max_workers: it is "four" | Give a positive whole number.',
    'settings.yml:4 warning max_worker: there is no such setting | Did you mean max_workers?',
    'settings.yml:6 error skip_minmax: it is "no" | Give true or false.',
    `settings.yml:7 error ingest_tracking_db: it is a URL for sqlite | ${dialect}`,
    'settings.yml:9 error shutdown_timeout: it is null | Give a number of seconds from 0 to 86400.',
  ]);
  expect(await check({ 'settings.yml': 'base_dir: /data\nmax_workers: 4\n' })).toEqual([]);
  expect(await check({ 'settings.yml': 'base_dir: /a\nbase_dir: /b\n' })).toEqual([
    'settings.yml:2 error : it is no YAML: Map keys must be unique | Write one "key: value" per line.',
  ]);
  expect(await check({ 'settings.yml': '- a\n' })).toEqual([
    'settings.yml:1 error : it has no keys | Write one "key: value" per line.',
  ]);
});

test('biomero-config.json: shapes, references and folders', async () => {
  const text = `{
  "PREPROCESSING_EXTENSION_MAP": {".lif": "leica_uid"},
  "PREPROCESSING_CONFIG": {"leica_uuid": {"container": "c", "extra_params": {"x": 3}}},
  "group_mapping": {},
  "group_mappings": {
    "53": {"folder": "../up", "groupName": "a"},
    "54": {"folder": "A"},
    "x": {"folder": "A", "groupName": "b"},
    "54": 7
  }
}`;
  expect(await check({ 'biomero-config.json': text })).toEqual([
    'biomero-config.json:2 error PREPROCESSING_EXTENSION_MAP..lif: PREPROCESSING_CONFIG has no "leica_uid" | Did you mean leica_uuid?',
    'biomero-config.json:3 error PREPROCESSING_CONFIG.leica_uuid.extra_params.x: it is 3 | Give a text.',
    'biomero-config.json:4 warning group_mapping: no such key is known | Did you mean group_mappings?',
    'biomero-config.json:6 error group_mappings.53.folder: it is "../up": it holds ".." | Give a folder relative to base_dir.',
    'biomero-config.json:8 error group_mappings.x: it is {"folder":"A","groupName":"b"} | Give an id of OMERO as its key.',
    'biomero-config.json:9 warning : a key stands twice, and only the last one counts | Remove one of them.',
    'biomero-config.json:9 error group_mappings.54: it is 7 | Give an object with "folder" and "groupName".',
  ]);
});

test.each([
  ['', '-', 'it is empty'],
  ['{"1": {"folder": "a", "groupName": "b"}\n "2": 3}', '2', 'it is no JSON'],
  ['[]', '-', 'it is []'],
])('JSON that is none: %j', async (text, line, reason) => {
  const [first] = await check({ 'group-mappings.json': text });
  expect(first).toContain(`group-mappings.json:${line} error : ${reason}`);
});

test('group mappings are looked at together, below the base_dir of the settings.yml beside them', async () => {
  const base = await temporaryFolder('storage');
  for (const name of ['A', 'A/inner', 'B']) await mkdir(join(base, name));
  await symlink('/etc', join(base, 'out'));
  const group = (folder: string, groupName: string): object => ({ folder, groupName });
  const config = { group_mappings: { 1: group('gone', 'one'), 2: group('A', 'two'), 3: group('out', 'three') } };
  const dedicated = { 1: group('B', 'one'), 4: group('A/inner', 'four'), 5: group('A/', 'two') };
  const found = await check({
    'settings.yml': `base_dir: ${base}\n`,
    'biomero-config.json': JSON.stringify(config, null, 1),
    'group-mappings.json': JSON.stringify(dedicated, null, 1),
  });
  expect(found.map((line) => line.replace(/ \| .*/, ''))).toEqual([
    'biomero-config.json:8 warning group_mappings.2.folder: it is "A": it is the folder of group "two" (5) too, so each may import what the other stores',
    'biomero-config.json:12 error group_mappings.3.folder: it is "out": it leads to /etc',
    'group-mappings.json:7 warning 4.folder: it is "A/inner": it lies inside the folder of group "two" (2), which may import what is stored in it',
    'group-mappings.json:7 warning 4.folder: it is "A/inner": it lies inside the folder of group "two" (5), which may import what is stored in it',
    'group-mappings.json:11 warning 5.folder: it is "A/": it is the folder of group "two" (2) too, so each may import what the other stores',
  ]);
  expect(await check({ 'group-mappings.json': JSON.stringify(dedicated) }, { baseDir: join(base, 'absent') })).toEqual([
    expect.stringContaining('group-mappings.json:- note : its folders were not looked for: The storage folder'),
  ]);
});

test('slurm-config.ini: every line that Python refuses, and what readers take otherwise', async () => {
  const text = `before = x
[DEFAULT]
x = 1
[slurm]
a = b
[SLURM]
slurm_data_pth = x
sacct_days_ago = none
gpu_gres = gpu:1
gpu_gpus = 1
slurm_zip_cmd = 50%
image_pull_mem =
sbatch_account = lab
track_workflows = True
= nothing
[ANALYTICS]
track_workflows = False
enable_job_progress = maybe
enable_job_accounting =
sqlalchemy_url = mysql://u:geheim@h/d
[WORKFLOWS]
cellpose_job_mem = 4G
cellpose_repo = https://x
cellpose_use_gpu: jein
[SLURM]
`;
  const found = await check({ 'slurm-config.ini': text });
  expect(found.map((line) => line.replace(/^slurm-config\.ini:/, '').replace(/ \| .*/, ''))).toEqual([
    '1 error : it stands before the first [SECTION]',
    '3 note [DEFAULT] x: BIOMERO takes each key of [DEFAULT] for a workflow and a converter, too; here it is none',
    '5 warning [slurm]: no such section is read',
    '7 warning [SLURM] slurm_data_pth: there is no such setting',
    '8 error [SLURM] sacct_days_ago: it is "none"',
    '10 error [SLURM] gpu_gpus: it is "1"',
    '11 error [SLURM] slurm_zip_cmd: it holds a "%" that is no reference to another key, or refers to one that has no value',
    '12 note [SLURM] image_pull_mem: it is empty, and BIOMERO then asks Slurm for an empty amount when it pulls images with sbatch',
    '14 warning [SLURM] track_workflows: there is no such setting',
    '15 error : it is a value without a key',
    "17 note [ANALYTICS] track_workflows: it is off, but OMERO.biomero's admin page shows any text as on, and may save it so",
    '18 error [ANALYTICS] enable_job_progress: it is "maybe"',
    '19 warning [ANALYTICS] enable_job_accounting: it is empty, at which BIOMERO stops',
    '20 error [ANALYTICS] sqlalchemy_url: it is a URL for mysql',
    '22 warning [WORKFLOWS] cellpose_job_mem: no cellpose_job stands above it, and BIOMERO stops there',
    '23 warning [WORKFLOWS] cellpose_repo: no key "cellpose" names the folder of this workflow\'s images',
    '24 error [WORKFLOWS] cellpose_use_gpu: it is "jein"',
    '24 warning [WORKFLOWS] cellpose_use_gpu: no key "cellpose" names the folder of this workflow\'s images',
    '25 error : section [SLURM] stands twice in this file',
  ]);
  expect(found.join()).toContain('Did you mean [SLURM]? Names of sections are case-sensitive.');
  expect(found.join()).toContain('Did you mean slurm_data_path?');
  expect(found.join()).toContain('It belongs in [ANALYTICS].');
  expect(found.join()).not.toContain('geheim');
});

test('files of variables', async () => {
  const text = `# a comment
IMPORTER_ENABLED=yes
export OMERO_PORT="70000" # as compose reads it
SQLALCHEMY_ULR=postgresql://x
SQLALCHEMY_URL=postgresql://u:\${PASSWORD}@h/d
INGEST_TRACKING_DB_URL=mysql://u:geheim@h/d
BIOMERO_BRIDGE_WEBPORT=1
not a line
OMERO_PORT=4064
`;
  const found = await check({ '.env': text });
  expect(found.map((line) => line.replace(/^\.env:/, '').replace(/ \| .*/, ''))).toEqual([
    '2 error IMPORTER_ENABLED: it is "yes", which OMERO.biomero\'s web pages take for on and BIOMERO\'s worker for off',
    '4 warning SQLALCHEMY_ULR: there is no such setting',
    '6 error INGEST_TRACKING_DB_URL: it is a URL for mysql',
    '7 warning BIOMERO_BRIDGE_WEBPORT: is set, but there is no such setting. Did you mean BIOMERO_BRIDGE_WEB_PORT?',
    '8 error : it is no NAME=value',
    '9 warning OMERO_PORT: it stands in line 3 too',
  ]);
  expect(await check({ 'site.env': 'OMERO_PORT="70000" # c\n' })).toEqual([
    'site.env:1 error OMERO_PORT: it is "70000" | Give a port number (1 to 65535).',
  ]);
  expect(await check({ '.env': 'IMPORTER_ENABLED=TRUE\nCOMPOSE_PROFILES=a, IMPORTER_ENABLED\n' })).toEqual([]);
  expect(await check({ '.env': 'IMPORTER_ENABLED=TRUE\nCOMPOSE_PROFILES=a\n' })).toHaveLength(1);
});

describe('files are recognised', () => {
  test.each<[string, string, CheckedType | null]>([
    ['importer.yaml', '', 'settings.yml'],
    ['group-mappings.prod.json', '{}', 'group-mappings.json'],
    ['biomero-config.json', '', 'biomero-config.json'],
    ['.env', '', 'environment'],
    ['docker-compose.yml', 'services:\n  a:\n    image: b\n', null],
    ['a', '{"group_mappings": {}}', 'biomero-config.json'],
    ['a', '{"53": {}}', 'group-mappings.json'],
    ['a', '# c\n[SSH]\nhost = x\n', 'slurm-config.ini'],
    ['a', '\n# c\nOMERO_HOST=x\n', 'environment'],
    ['a', 'log_level: INFO\nbase_dir: /data\n', 'settings.yml'],
    ['a', 'hello', null],
    ['a.json', '{"x": 1}', null],
  ])('%s %j', (name, text, type) => {
    expect(recognise(name, text)).toBe(type);
  });

  test('or it is said that they are not, nor can be read', async () => {
    expect(await check({ notes: 'hello' })).toEqual([
      'notes:- error : it is none of the files that are known, by its name or by what stands in it | Say what it is with --as.',
    ]);
    expect(await check({ notes: 'max_workers: x' }, { as: 'settings.yml' })).toHaveLength(1);
    const { files, findings } = await checkFiles(['/nowhere/settings.yml']);
    expect(files).toEqual([{ path: '/nowhere/settings.yml', type: null }]);
    expect(findings[0]?.reason).toContain('it cannot be read: ENOENT');
  });
});

test('no text makes a check fail, however odd', async () => {
  const piece = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      '=',
      ',',
      '"',
      "'",
      '\n',
      '  ',
      '- ',
      '&a ',
      '*a',
      '%',
      '%(a)s',
      '#',
      '!!x',
      '|',
      '\0',
      '\ud800',
    ],
    ...[
      'base_dir',
      'group_mappings',
      '53',
      'folder',
      '[SLURM]',
      'sbatch_',
      '__proto__',
      'OMERO_PORT',
      'x_job_y',
      '/data',
      '1e999',
    ],
  );
  const text = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''));
  const folder = await temporaryFolder('odd');
  const types = [
    'settings.yml',
    'biomero-config.json',
    'group-mappings.json',
    'slurm-config.ini',
    'environment',
  ] as const;
  const look = async (content: string, as: CheckedType): Promise<void> => {
    const file = join(folder, 'odd');
    await writeFile(file, content);
    const { findings } = await checkFiles([file], { as, baseDir: folder });
    for (const { line, reason } of findings) {
      expect(reason).toBeTruthy();
      if (line !== null) expect(line).toBeLessThanOrEqual(content.split(/\r\n|\r|\n/).length);
    }
  };
  await fc.assert(fc.asyncProperty(text, fc.constantFrom(...types), look), { numRuns: 700 });
  const deep = '['.repeat(20_000);
  for (const type of types)
    for (const content of [deep, `{"group_mappings": ${deep}`, `a: ${deep}`]) await look(content, type);
});

test('the schema of slurm-config.ini refuses what the loader refuses', () => {
  const schemaOf = (section: string, name: string): JsonSchema =>
    fileSchemas['slurm-config.ini'].properties?.[section]?.properties?.[name] ?? {};
  const forms = [
    { name: 'sacct_days_ago', section: 'SLURM', parse: whole(1) },
    { name: 'track_workflows', section: 'ANALYTICS', parse: bool },
  ];
  const text = fc.oneof(
    fc.constantFrom('true', 'TRUE', 'Yes', 'oFF', 'y', 'N', '1', '0', '00', '007', '10', 'none', 'truee', '-1', '1.0'),
    fc.stringMatching(/^[0-9]{1,15}$/),
    fc.stringMatching(/^[a-zA-Z0-9]{1,5}$/),
  );
  fc.assert(
    fc.property(fc.constantFrom(...forms), text, ({ name, section, parse }, value) => {
      const accepted = parse(value) !== null;
      expect(violations(schemaOf(section, name), value).length === 0, `${name} = ${value}`).toBe(accepted);
    }),
    { numRuns: 2000 },
  );
});

test('every setting of a file stands in its schema', () => {
  for (const { where, name } of settings) {
    if (where === 'environment') continue;
    const schema =
      where === 'settings.yml' ? fileSchemas[where] : fileSchemas['slurm-config.ini'].properties?.[where.slice(1, -1)];
    const pattern = `^${name.replace(/<\w+>/g, '.+')}$`;
    const found = name.includes('<') ? schema?.patternProperties?.[pattern] : schema?.properties?.[name];
    if (name !== '<workflow>') expect(found?.description, name).toBeTruthy();
  }
});
