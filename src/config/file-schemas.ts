import type { JsonSchema } from '../lib/json-schema.ts';
import type { Setting } from './setting.ts';
import { settings } from './settings-table.ts';

/*
 * JSON Schemas of the configuration files: `config check` judges by them, `config schema` and docs/reference/schemas
 * publish them. Meanings, forms and defaults come from the table of settings. Keys that are not listed may stand in the
 * files, because other programs read them too; the checks ask about those that look misspelt.
 */

/** Values of settings.yml, as the loader takes them. */
export interface SettingsValues {
  base_dir: string;
  ingest_tracking_db: string;
  max_workers: number;
  parallel_upload_per_worker: number;
  parallel_filesets_per_worker: number;
  skip_all: boolean;
  skip_checksum: boolean;
  skip_minmax: boolean;
  skip_thumbnails: boolean;
  skip_upgrade: boolean;
  annotation_namespace: string;
  use_register_zarr: boolean;
  shutdown_timeout: number;
  log_level: string;
}

const positive: JsonSchema = { type: 'integer', minimum: 1 };
const flag: JsonSchema = { type: 'boolean' };
const word: JsonSchema = { type: 'string', minLength: 1 };

const settingsValues: { readonly [K in keyof SettingsValues]: JsonSchema } = {
  base_dir: { type: 'string', pattern: '^/' },
  ingest_tracking_db: { type: 'string' },
  max_workers: positive,
  parallel_upload_per_worker: positive,
  parallel_filesets_per_worker: positive,
  skip_all: flag,
  skip_checksum: flag,
  skip_minmax: flag,
  skip_thumbnails: flag,
  skip_upgrade: flag,
  annotation_namespace: word,
  use_register_zarr: flag,
  shutdown_timeout: { type: 'number', minimum: 0, maximum: 86_400 },
  log_level: word,
};

/** The schema that decides about a value of settings.yml. */
export function settingsValueSchema(key: keyof SettingsValues): JsonSchema {
  return settingsValues[key];
}

/** Keys of settings.yml that are read here. */
export const settingsKeys: readonly string[] = Object.keys(settingsValues);

/** Keys that BIOMERO.importer's own settings.yml holds, and that have no effect here. */
export const otherSettingsKeys: readonly string[] = [
  'log_file_path',
  'group_list',
  'data_dir_name',
  'ttl_for_user_conn',
  'preprocessing',
];

function settingsYml(): JsonSchema {
  const properties = Object.fromEntries(
    settings
      .filter((setting) => setting.where === 'settings.yml')
      .map((setting) => {
        const schema = settingsValues[setting.name];
        // A key without a value counts as absent.
        return [
          setting.name,
          { ...described(setting), ...schema, type: [schema.type ?? [], 'null'].flat() } as JsonSchema,
        ];
      }),
  );
  return { ...head('settings.yml', "The importer's settings.yml."), type: 'object', properties };
}

const mappingEntry: JsonSchema = {
  type: 'object',
  'x-form': 'an object with "folder" and "groupName"',
  required: ['folder', 'groupName'],
  properties: {
    folder: {
      ...word,
      'x-form': 'a folder, relative to base_dir',
      description: 'Where the results of the group are stored, relative to base_dir.',
    },
    groupName: { ...word, 'x-form': "the group's name in OMERO", description: "The group's name in OMERO." },
  },
};

const mappings: JsonSchema = {
  type: 'object',
  'x-form': 'an object with group ids as keys',
  patternProperties: { '^[0-9]{1,18}$': mappingEntry },
  // Such as "$schema": what is no entry may stand there, but nothing that looks like one.
  additionalProperties: {
    type: ['string', 'number', 'boolean', 'null', 'array'],
    'x-form': 'an id of OMERO as its key',
  },
};

const biomeroConfig: JsonSchema = {
  ...head('biomero-config.json', 'Configuration of OMERO.biomero; only group_mappings is read here.'),
  type: 'object',
  properties: {
    $schema: { type: 'string' },
    group_mappings: { ...mappings, description: 'Folders of groups, by group id.' },
    FILE_OR_EXTENSION_PATTERNS_EXCLUSIVE: {
      type: 'array',
      items: { type: 'string' },
      'x-form': 'a list of names and endings',
    },
    PREPROCESSING_EXTENSION_MAP: {
      type: 'object',
      additionalProperties: { type: 'string', 'x-form': 'a key of PREPROCESSING_CONFIG' },
      'x-form': 'an object from endings to keys of PREPROCESSING_CONFIG',
    },
    PREPROCESSING_CONFIG: {
      type: 'object',
      'x-form': 'an object with "container" in each entry',
      additionalProperties: {
        type: 'object',
        'x-form': 'an object with "container"',
        required: ['container'],
        properties: {
          container: { ...word, 'x-form': 'a container image' },
          extra_params: {
            type: 'object',
            'x-form': 'an object of texts',
            // BIOMERO.importer joins them into a command line, and stops at a number.
            additionalProperties: { type: 'string', 'x-form': 'a text' },
          },
        },
      },
    },
    UPLOADER: { type: 'object', 'x-form': 'an object' },
  },
};

const letters = (text: string): string => text.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
const empty = '^$|';

/** Patterns of values in slurm-config.ini, where every value is a text; an empty one counts as none. */
const iniPatterns: Readonly<Record<string, string>> = {
  'true, yes, on, 1 or false, no, off, 0': `${empty}^(${['true', 'yes', 'on', 'y', 'false', 'no', 'off', 'n'].map(letters).join('|')}|1|0)$`,
  'a positive whole number': `${empty}^(?!0+$)[0-9]{1,16}$`,
  'a date such as 2023-01-01': `${empty}^[A-Za-z0-9_][A-Za-z0-9_:/.+-]*$`,
};

function iniValue(setting: Setting): JsonSchema {
  const pattern = iniPatterns[setting.form];
  return { ...described(setting), type: ['string', 'null'], ...(pattern ? { pattern } : {}) };
}

function slurmConfigIni(): JsonSchema {
  const section = (where: Setting['where']): JsonSchema => {
    const own = settings.filter((setting) => setting.where === where);
    const named = own.filter((setting) => !setting.name.includes('<'));
    const byPattern = own.filter((setting) => setting.name.includes('<') && setting.name !== '<workflow>');
    return {
      type: 'object',
      properties: Object.fromEntries(named.map((setting) => [setting.name, iniValue(setting)])),
      patternProperties: Object.fromEntries(
        byPattern.map((setting) => [`^${setting.name.replace(/<\w+>/g, '.+')}$`, iniValue(setting)]),
      ),
      additionalProperties: { type: ['string', 'null'] },
    };
  };
  return {
    ...head(
      'slurm-config.ini',
      'slurm-config.ini as an object of sections: each value is a text, keys in small letters.',
    ),
    type: 'object',
    properties: {
      SSH: section('[SSH]'),
      SLURM: section('[SLURM]'),
      ANALYTICS: section('[ANALYTICS]'),
      MODELS: section('[WORKFLOWS]'),
      WORKFLOWS: section('[WORKFLOWS]'),
    },
  };
}

function described({ meaning, form, default: fallback }: Setting): JsonSchema {
  const more = fallback ? ` Default: ${fallback}.` : '';
  return { description: `${meaning}${more}`, 'x-form': form };
}

function head(name: string, title: string): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: `biomero-bridge:${name}`, title };
}

export const fileTypes = ['settings.yml', 'biomero-config.json', 'group-mappings.json', 'slurm-config.ini'] as const;
export type FileType = (typeof fileTypes)[number];

export const fileSchemas: Readonly<Record<FileType, JsonSchema>> = {
  'settings.yml': settingsYml(),
  'biomero-config.json': biomeroConfig,
  'group-mappings.json': { ...head('group-mappings.json', 'Folders of groups, by group id.'), ...mappings },
  'slurm-config.ini': slurmConfigIni(),
};
