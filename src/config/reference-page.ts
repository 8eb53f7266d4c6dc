import type { Setting } from './setting.ts';
import { settings, withoutEffect } from './settings-table.ts';

/** `docs/reference/configuration.md`, from the table of settings. */
export function configurationPage(): string {
  const of = (where: Setting['where']): readonly Setting[] => settings.filter((setting) => setting.where === where);
  const environment = of('environment');
  const ours = environment.filter((setting) => setting.name.startsWith('BIOMERO_BRIDGE_'));
  const theirs = environment.filter((setting) => !ours.includes(setting));
  return [
    '# Configuration',
    '',
    '<!-- Made by `npm run generate` from src/config/settings-table.ts. -->',
    '',
    ...intro,
    '## Looking and checking',
    '',
    '`biomero-bridge config show` prints every setting with its value and where it comes from; `--role` leaves out what a role',
    'does not read. `biomero-bridge config check` looks at the environment and at every file that it names, `config check FILE…`',
    'at any files: each problem with file, line, key, reason and what to do, also what BIOMERO or OMERO.biomero would take',
    'otherwise. Exit code 0: no error. Folders of group mappings are looked for below `base_dir`, of a settings.yml among the',
    'files or of this machine.',
    '',
    'The checks go by JSON Schemas, which editors understand too: `config schema NAME` prints them, and they are published as',
    '[settings.yml](schemas/settings-yml.schema.json), [biomero-config.json](schemas/biomero-config-json.schema.json),',
    '[group-mappings.json](schemas/group-mappings-json.schema.json) and',
    '[slurm-config.ini](schemas/slurm-config-ini.schema.json) (as an object of sections).',
    '',
    '## Environment: names of BIOMERO and of the integration',
    '',
    ...table(theirs),
    '',
    '## Environment: our own names',
    '',
    ...table(ours),
    '',
    '## settings.yml',
    '',
    'Read from `IMPORTER_CONFIG_PATH`, as YAML 1.1 (`yes` and `on` are booleans, as for Python). When that variable is unset',
    'and its default path is not there, all defaults hold; but if `/data` is not there either, a role that archives or imports',
    'does not start. Other keys may stand in the file and are not read, among them `log_file_path`, `group_list`,',
    '`data_dir_name`, `ttl_for_user_conn` and `sample_*`.',
    '',
    ...table(of('settings.yml')),
    '',
    '## biomero-config.json and group-mappings.json',
    '',
    'Named by `OMERO_BIOMERO_CONFIG_FILE` and `OMERO_BIOMERO_GROUP_MAPPINGS_FILE`; read anew at every use, so that a change',
    'holds for the next archive and the next order without a restart. Keys are group ids of OMERO, folders are relative to',
    '`base_dir`; of two entries for one id the second file wins. A group is looked up by its id, and by its exact name where',
    'the id is not known: a renamed group keeps its folder. A group without a mapping has the folder of its name.',
    '',
    '```json',
    '{ "group_mappings": { "53": { "folder": "Project A", "groupName": "imaging" } } }',
    '```',
    '',
    '`group-mappings.json` holds the inner object alone. Other keys of `biomero-config.json` are not read.',
    '',
    'Mappings saved here go into every one of these files that is there, or into a new group-mappings.json; what else stands in',
    'them stays, mode and owner too. A file is replaced at once by rename. Where that is not possible (a file that is mounted',
    'by itself into a container, a folder that belongs to somebody else) it is written in place, after a backup `<file>.bak`.',
    'Mount the folder rather than the file: a file that somebody replaces on the host keeps its old content in the container.',
    'Programs on one machine wait for each other through `.group-mappings.json.lock`, those of several machines through the',
    'database.',
    '',
    '## slurm-config.ini',
    '',
    'Read from `/etc/slurm-config.ini`, `/OMERO/slurm-config.ini` and `~/slurm-config.ini`; a later file wins key by key. With',
    "`BIOMERO_BRIDGE_SLURM_CONFIG` only the file that it names is read. The rules are those of Python's ConfigParser: section",
    'names are case-sensitive, keys are not; `=` or `:`; a line indented deeper continues the value; `#` and `;` begin a comment',
    'only at the start of a line; `%` is written `%%`; `%(key)s` refers to another key; `[DEFAULT]` is inherited; a key twice in',
    'a file is an error. An empty value counts as none. Variables named below win over the file.',
    '',
    ...(['[SSH]', '[SLURM]', '[ANALYTICS]', '[WORKFLOWS]'] as const).flatMap((section) => [
      section === '[WORKFLOWS]' ? '### [MODELS] and [WORKFLOWS]' : `### ${section}`,
      '',
      ...table(of(section)),
      '',
    ]),
    ...outro,
  ].join('\n');
}

const intro = [
  'Settings come from the environment, from `settings.yml`, `biomero-config.json`, `group-mappings.json` and',
  '`slurm-config.ini`. Names, defaults and precedence are those of BIOMERO where BIOMERO has them: environment over file over',
  'default. An empty variable counts as unset. Every value is checked when a role starts; all wrong values are reported',
  'together, each with its place and the expected form. A `BIOMERO_BRIDGE_` variable that is none of these is noted.',
  '*No effect yet* marks what is read and checked, but not used by this version.',
  '',
  'A secret (and `OMERO_USER`) may stand in a file: set the variable with `_FILE` appended to its path. A line break at the',
  "file's end is dropped. Setting both is an error. A file with a secret must be open to its owner alone (mode 0600 or 0400);",
  'one that its group or others may read or write is refused. Below `/run/secrets`, where container engines mount secrets,',
  'one that others may read, but not write, is taken and noted. Secrets never show in logs, error texts or `config show`.',
  '',
  'Database URLs may be written as for SQLAlchemy: `postgresql+psycopg2://…` or `postgres://…`, `%` escapes in user and',
  'password, `?host=/socket/folder`, `?sslmode=…`. Several hosts in one URL are refused. Without a host, `localhost` is meant.',
  '`sslmode=prefer` and `allow` mean no TLS here; use `require` or `verify-full` to have it.',
  '',
];

const outro = [
  '### Not read',
  '',
  '`[CONVERTERS]`, `inline_ssh_env`, `slurm_image_pull_via_sbatch`, `image_pull_cpus`, `image_pull_mem`, `apptainer_tmpdir`,',
  '`apptainer_cachedir`, `analytics_rebuild_start_time` and `analytics_rebuild_days_ago` have no effect here, nor have their',
  'variables (`BIOMERO_IMAGE_PULL_VIA_SBATCH`, `BIOMERO_PULL_CPUS`, `BIOMERO_PULL_MEM`, `BIOMERO_APPTAINER_TMPDIR`,',
  '`BIOMERO_APPTAINER_CACHEDIR`, `BIOMERO_ANALYTICS_REBUILD_START_TIME`, `BIOMERO_ANALYTICS_REBUILD_DAYS_AGO`): they concern',
  'container images, and how BIOMERO fills its views anew.',
  '',
];

const unused: ReadonlySet<string> = withoutEffect;

function table(rows: readonly Setting[]): string[] {
  return [
    '| name | meaning | form | default |',
    '|---|---|---|---|',
    ...rows.map(({ name, meaning, form, default: fallback, file, variables = [] }) => {
      const names = [`\`${name}\``, ...(file ? [`\`${name}_FILE\``] : []), ...variables.map((v) => `\`${v}\``)];
      return `| ${names.join('<br>')} | ${cell(meaning)}${unused.has(name) ? ' *No effect yet.*' : ''} | ${cell(form)} | ${cell(fallback) || 'none'} |`;
    }),
  ];
}

/** A bar would end the cell; angle brackets outside code would be read as markup. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/`[^`]*`|[<>]/g, (part) => (part.length === 1 ? `\\${part}` : part));
}
