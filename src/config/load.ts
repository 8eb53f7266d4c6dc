import { resolve } from 'node:path';
import { defaultCacheDir, workDirIn } from './cache-folder.ts';
import { readIni, slurmOf } from './cluster-config.ts';
import type { Config } from './config.ts';
import { databasesOf } from './database-config.ts';
import { didYouMean } from './did-you-mean.ts';
import { importerOf } from './importer-config.ts';
import { notifyOf } from './notify-config.ts';
import { omeroOf } from './omero-config.ts';
import { configInvalid, shownValue, type ConfigProblem } from './problems.ts';
import { roles, type Purpose } from './roles.ts';
import { readSettings } from './settings.ts';
import { settings as settingsTable, settingOf } from './settings-table.ts';
import { trackingFromIni } from './slurm-config.ts';
import { storageOf } from './storage-config.ts';
import { bool, oneOf, path, text, Values, whole, type Parse, type Take } from './values.ts';
import { webOf } from './web-config.ts';

/**
 * Builds the configuration from an environment and the files it names. `roles` are those that will run with it: what
 * none of them uses need not be set. Throws CONFIG_INVALID with every wrong value in one text.
 */
export async function loadConfig(env: NodeJS.ProcessEnv, forRoles: readonly Purpose[] = roles): Promise<Config> {
  const { config, problems } = await readConfig(env, forRoles);
  if (problems.length) throw configInvalid(problems);
  return config;
}

/** As `loadConfig`, but gives back what is wrong; `config` then holds defaults in those places. */
export async function readConfig(
  env: NodeJS.ProcessEnv,
  forRoles: readonly Purpose[] = roles,
): Promise<{ config: Config; problems: readonly ConfigProblem[] }> {
  const values = new Values(env);
  const take = values.takeVariable;
  const needs = (...wanted: Purpose[]): boolean => wanted.some((role) => forRoles.includes(role));

  const importerEnabled = take('importerEnabled', 'IMPORTER_ENABLED', importerSwitch, false);
  if (values.origins['importerEnabled']?.place === 'default')
    values.notes.push(
      "IMPORTER_ENABLED is not set: results take the classic way here, while OMERO.biomero's web pages take unset for on.",
    );
  const settings = await readSettings(
    settingsPath(values, take),
    values.variable('IMPORTER_CONFIG_PATH') !== null,
    values,
  );
  const ini = await readIni(values, env, needs('worker', 'web'));
  const databases = databasesOf(values, settings, ini, {
    orders: needs('importer', 'orders') || (importerEnabled && needs('worker', 'web')),
    runs: needs('worker', 'web'),
  });
  const config: Config = {
    importerEnabled,
    databases,
    storage: storageOf(values, take, settings, needs('importer', 'omero') || (needs('worker') && importerEnabled)),
    importer: importerOf(values, take, settings, env),
    omero: omeroOf(values, take, needs('worker', 'importer', 'omero')),
    slurm: slurmOf(values, take, ini, env),
    tracking: trackingFromIni(ini, take('tracking.views', 'BIOMERO_BRIDGE_VIEWS', oneOf('auto', 'ours'), 'auto')),
    worker: {
      importTimeoutSeconds: take(
        'worker.importTimeoutSeconds',
        'BIOMERO_IMPORT_TIMEOUT_SECONDS',
        whole(1, 31_536_000),
        3600,
      ),
      maxRuns: take('worker.maxRuns', 'BIOMERO_BRIDGE_MAX_RUNS', whole(1, 1000), 4),
      cleanup: take('worker.cleanup', 'BIOMERO_BRIDGE_CLEANUP', bool, true),
      workDir: take('worker.workDir', 'BIOMERO_BRIDGE_WORK_DIR', path, workDirIn(take, env)),
      attachZip: take('worker.attachZip', 'BIOMERO_BRIDGE_ATTACH_ZIP', bool, true),
    },
    descriptors: {
      folder: take<string | null>('descriptors.folder', 'BIOMERO_BRIDGE_DESCRIPTORS', path, null),
      cacheDir: take('descriptors.cacheDir', 'BIOMERO_BRIDGE_CACHE_DIR', path, defaultCacheDir(env)),
    },
    web: webOf(take, values, env),
    metrics: {
      host: take('metrics.host', 'BIOMERO_BRIDGE_METRICS_HOST', text, '127.0.0.1'),
      port: take<number | null>('metrics.port', 'BIOMERO_BRIDGE_METRICS_PORT', whole(0, 65_535), null),
    },
    notify: notifyOf(take, values),
    logLevel: values.take(
      'logLevel',
      [values.variable('BIOMERO_BRIDGE_LOG_LEVEL'), settings.found('log_level')],
      logLevel,
      'info',
      'BIOMERO_BRIDGE_LOG_LEVEL',
    ),
    origins: values.origins,
    files: ini.files,
    notes: values.notes,
  };
  noteForeignVariables(values, env, config.storage.baseDir);
  noteUnknownVariables(values, env);
  return { config, problems: values.problems };
}

/** `true` in any case is on, `false` in any case is off; anything else may mean on to another reader. */
const importerSwitch: Parse<boolean> = (value) => {
  const word = value.toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  if (!['1', 'yes', 'on', 'enabled', 'true'].includes(word.trim())) return null;
  return {
    wrong: `${shownValue(value, false)}, which OMERO.biomero's web pages take for on and BIOMERO's worker for off`,
  };
};

const levelWords: Readonly<Record<string, string>> = { warning: 'warn', critical: 'fatal', notset: 'trace' };

/** Our names and Python's, in any case. */
const logLevel: Parse<string> = (value) => {
  const word = value.trim().toLowerCase();
  const level = levelWords[word] ?? word;
  return ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(level) ? level : null;
};

function settingsPath(values: Values, take: Take): string {
  const found = take('storage.settingsFile', 'IMPORTER_CONFIG_PATH', path, settingOf('IMPORTER_CONFIG_PATH').default);
  delete values.origins['storage.settingsFile'];
  return found;
}

/** Variables of OMERO.biomero and BIOMERO that we do not follow, where that matters. */
function noteForeignVariables(values: Values, env: NodeJS.ProcessEnv, baseDir: string): void {
  const mount = env['IMPORT_MOUNT_PATH'];
  if (mount && resolve(mount) !== baseDir)
    values.notes.push(
      `IMPORT_MOUNT_PATH is ${shownValue(mount, false)}, but base_dir is ${baseDir}: OMERO.biomero then orders files that the importer does not find there.`,
    );
  const persistence = env['PERSISTENCE_MODULE'];
  if (persistence && persistence !== 'eventsourcing_sqlalchemy')
    values.notes.push(
      `PERSISTENCE_MODULE is ${shownValue(persistence, false)}: BIOMERO's log then is not where SQLALCHEMY_URL leads, and neither does BIOMERO start.`,
    );
  const formats = ['SQLALCHEMY_SCHEMA', 'COMPRESSOR_TOPIC', 'CIPHER_TOPIC', 'TRANSCODER_TOPIC'];
  for (const name of formats.flatMap((format) => [format, `WORKFLOWTRACKER_${format}`]))
    if (env[name])
      values.notes.push(`${name} is set: BIOMERO then writes its log in a form or a place that is not read here.`);
}

/** A misspelt name of ours would otherwise go unseen. */
function noteUnknownVariables(values: Values, env: NodeJS.ProcessEnv): void {
  const known = new Set<string>(settingsTable.map((setting) => setting.name));
  for (const name of Object.keys(env).sort())
    if (name.startsWith('BIOMERO_BRIDGE_') && !known.has(name.replace(/_FILE$/, '')) && !known.has(name))
      values.notes.push(`${name} is set, but there is no such setting.${didYouMean(name, known)}`);
}
