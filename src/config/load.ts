import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { normaliseDatabaseUrl } from './database-url.ts';
import { configInvalid, shownValue, type ConfigProblem } from './problems.ts';
import { readSettings, type SettingsFile } from './settings.ts';
import { didYouMean } from './did-you-mean.ts';
import { settings as settingsTable, settingOf, type SettingName } from './settings-table.ts';
import { containersOf } from './container-settings.ts';
import { SlurmIni, slurmFromIni, trackingFromIni } from './slurm-config.ts';
import {
  absolutePath,
  bool,
  command,
  decimal,
  fingerprint,
  identity,
  javaMemory,
  mode,
  oneOf,
  text,
  Values,
  verbatim,
  mailAddress,
  mailAddresses,
  smtpAddress,
  webAddress,
  whole,
  type Parse,
} from './values.ts';
import type {
  Config,
  DatabaseConfig,
  ImporterConfig,
  OmeroConfig,
  PushBy,
  SlurmConfig,
  TransferSettings,
  NotifyConfig,
  WebConfig,
} from './config.ts';

export const roles = ['worker', 'importer', 'web'] as const;
export type Role = (typeof roles)[number];
/**
 * What a configuration is for: roles; `omero`, a look at OMERO with the eyes of an importer but no database; `orders`, the
 * database of upload orders alone.
 */
export type Purpose = Role | 'omero' | 'orders';

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
  const take = <T>(path: string, name: SettingName, parse: Parse<T>, fallback: T): T =>
    values.take(path, [values.variable(name)], parse, fallback, name);
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
    storage: {
      baseDir: baseDirOf(values, settings, needs('importer', 'omero') || (needs('worker') && importerEnabled)),
      mappingFiles: [
        take('storage.mappingFiles.0', 'OMERO_BIOMERO_CONFIG_FILE', path, '/opt/omero/server/biomero-config.json'),
        take(
          'storage.mappingFiles.1',
          'OMERO_BIOMERO_GROUP_MAPPINGS_FILE',
          path,
          '/opt/omero/server/group-mappings.json',
        ),
      ],
      modes: {
        folder: take<number | null>('storage.modes.folder', 'BIOMERO_BRIDGE_ARCHIVE_FOLDER_MODE', mode(0o700), null),
        file: take<number | null>('storage.modes.file', 'BIOMERO_BRIDGE_ARCHIVE_FILE_MODE', mode(0o400), null),
      },
    },
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

export type Take = <T>(path: string, name: SettingName, parse: Parse<T>, fallback: T) => T;

/** As other programs: below XDG_CACHE_HOME, else `~/.cache`. */
function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'biomero-bridge');
}

function workDirIn(take: Take, env: NodeJS.ProcessEnv): string {
  return join(take('descriptors.cacheDir', 'BIOMERO_BRIDGE_CACHE_DIR', path, defaultCacheDir(env)), 'work');
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

const path: Parse<string> = (value) => (value.trim() === '' || value.includes('\0') ? null : resolve(value.trim()));

const databaseUrl: Parse<string> = (value) => {
  const result = normaliseDatabaseUrl(value);
  return 'url' in result ? result.url : result;
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

async function readIni(values: Values, env: NodeJS.ProcessEnv, needed: boolean): Promise<SlurmIni> {
  const ini = new SlurmIni(values);
  const only = values.variable('BIOMERO_BRIDGE_SLURM_CONFIG');
  if (only) await ini.read(resolve(only.text), true);
  else {
    const files = [
      '/etc/slurm-config.ini',
      '/OMERO/slurm-config.ini',
      join(env['HOME'] || homedir(), 'slurm-config.ini'),
    ];
    for (const file of files) await ini.read(file, false);
    if (needed && !ini.files.length)
      values.notes.push(`There is no slurm-config.ini (${files.join(', ')}): no workflow is known.`);
  }
  return ini;
}

function databasesOf(
  values: Values,
  settings: SettingsFile,
  ini: SlurmIni,
  needed: { orders: boolean; runs: boolean },
): DatabaseConfig {
  const orders = [values.variable('INGEST_TRACKING_DB_URL'), settings.found('ingest_tracking_db')];
  const runs = [values.variable('SQLALCHEMY_URL'), ...ini.candidates('sqlalchemy_url').slice(1)];
  const absent = (name: SettingName, found: readonly unknown[]): boolean =>
    found.every((f) => f === null) && !values.problems.some((p) => p.key === name || p.key === `${name}_FILE`);
  if (needed.orders && absent('INGEST_TRACKING_DB_URL', orders))
    values.missing('INGEST_TRACKING_DB_URL', "the importer's database; or ingest_tracking_db in settings.yml");
  if (needed.runs && absent('SQLALCHEMY_URL', runs))
    values.missing('SQLALCHEMY_URL', "BIOMERO's database; or sqlalchemy_url in slurm-config.ini");
  const runsUrl = values.take('databases.runs', runs, databaseUrl, '', 'SQLALCHEMY_URL');
  return {
    // Without orders of anybody's, what our own code looks up about orders is looked up beside the runs, and not found.
    orders: values.take(
      'databases.orders',
      orders,
      databaseUrl,
      needed.orders ? '' : runsUrl,
      'INGEST_TRACKING_DB_URL',
    ),
    runs: runsUrl,
  };
}

function baseDirOf(values: Values, settings: SettingsFile, needed: boolean): string {
  const fallback = settingOf('base_dir').default;
  const baseDir = settings.take('storage.baseDir', 'base_dir', fallback);
  if (!settings.exists) {
    const why = `${settings.path} is not there, so base_dir is its default ${fallback}`;
    if (needed && !existsSync(fallback) && !values.problems.some((p) => p.place === settings.path))
      values.problems.push({
        place: 'environment',
        key: 'IMPORTER_CONFIG_PATH',
        found: '',
        expected: `${settingOf('IMPORTER_CONFIG_PATH').form} (${why}, which is not there either)`,
      });
    else values.notes.push(`${why}.`);
  }
  return resolve(baseDir);
}

function importerOf(values: Values, take: Take, settings: SettingsFile, env: NodeJS.ProcessEnv): ImporterConfig {
  const skips = ['checksum', 'minmax', 'thumbnails', 'upgrade'] as const;
  const all = settings.take('importer.skip', 'skip_all', false);
  const each = skips.filter((name) => settings.take(`importer.skip.${name}`, `skip_${name}`, false));
  return {
    maxWorkers: settings.take('importer.maxWorkers', 'max_workers', 4),
    parallelUpload: settings.take('importer.parallelUpload', 'parallel_upload_per_worker', null),
    parallelFilesets: settings.take('importer.parallelFilesets', 'parallel_filesets_per_worker', null),
    skip: all ? ['all'] : each,
    annotationNamespace: settings.take('importer.annotationNamespace', 'annotation_namespace', 'biomero.import'),
    registerZarr: values.take(
      'importer.registerZarr',
      [values.variable('USE_REGISTER_ZARR'), settings.found('use_register_zarr')],
      bool,
      true,
      'use_register_zarr',
    ),
    logDir: take('importer.logDir', 'BIOMERO_BRIDGE_IMPORT_LOG_DIR', path, resolve('logs')),
    command: importCommandOf(take),
    strictFolders: take('importer.strictFolders', 'BIOMERO_BRIDGE_STRICT_FOLDERS', bool, false),
    stallSeconds: take('importer.stallSeconds', 'BIOMERO_BRIDGE_IMPORT_STALL_SECONDS', whole(1, 604_800), 3600),
    shutdownSeconds: settings.take('importer.shutdownSeconds', 'shutdown_timeout', 30),
    memory: take('importer.memory', 'BIOMERO_BRIDGE_IMPORT_MEMORY', javaMemory, '1g'),
    runAs: take<ImporterConfig['runAs']>('importer.runAs', 'BIOMERO_BRIDGE_IMPORT_RUN_AS', identity, null),
    containers: containersOf(take, env),
  };
}

/** Java with the jars of OMERO's client, unless another command is named. */
function importCommandOf(take: Take): readonly string[] {
  const jars = take(
    'importer.jars',
    'BIOMERO_BRIDGE_IMPORT_JARS',
    path,
    settingOf('BIOMERO_BRIDGE_IMPORT_JARS').default,
  );
  const java = ['java', '-cp', join(jars, '*'), 'ome.formats.importer.cli.CommandLineImporter'];
  return take<readonly string[]>('importer.command', 'BIOMERO_BRIDGE_IMPORT_COMMAND', command, java);
}

function omeroOf(values: Values, take: Take, needed: boolean): OmeroConfig {
  const server = take<OmeroServer>('omero.host', 'OMERO_HOST', omeroHost, { host: '', transport: 'ssl' });
  const user = take('omero.user', 'OMERO_USER', text, '');
  const password = take('omero.password', 'OMERO_PASSWORD', verbatim, '');
  if (needed) {
    const wrong = (name: string): boolean => values.problems.some((p) => p.key.startsWith(name));
    if (!server.host && !wrong('OMERO_HOST')) values.missing('OMERO_HOST', 'the OMERO server');
    if (!user && !wrong('OMERO_USER')) values.missing('OMERO_USER', 'or OMERO_USER_FILE');
    if (!password && !wrong('OMERO_PASSWORD')) values.missing('OMERO_PASSWORD', 'or OMERO_PASSWORD_FILE');
  }
  const tls = take('omero.tls', 'BIOMERO_BRIDGE_OMERO_TLS', oneOf('verify', 'self-signed', 'anonymous'), 'verify');
  const pinned = take<string | null>('omero.fingerprint', 'BIOMERO_BRIDGE_OMERO_FINGERPRINT', fingerprint, null);
  if (pinned && (tls === 'anonymous' || server.transport === 'tcp'))
    values.notes.push(
      'BIOMERO_BRIDGE_OMERO_FINGERPRINT has no effect: with tcp:// or `anonymous` OMERO shows no certificate.',
    );
  return {
    ...server,
    port: take('omero.port', 'OMERO_PORT', whole(1, 65535), 4064),
    user,
    password,
    tls,
    caFile: take<string | null>('omero.caFile', 'BIOMERO_BRIDGE_OMERO_CA_FILE', path, null),
    fingerprint: pinned,
    reconnectSeconds: take('omero.reconnectSeconds', 'BIOMERO_BRIDGE_OMERO_RECONNECT_SECONDS', whole(0, 600), 20),
    webUrl: take<string | null>('omero.webUrl', 'BIOMERO_BRIDGE_OMERO_WEB_URL', webAddress, null),
  };
}

type OmeroServer = Pick<OmeroConfig, 'host' | 'transport'>;

const omeroHost: Parse<OmeroServer> = (value) => {
  const match = /^(?:(tcp|ssl):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/i.exec(value.trim());
  if (!match?.[2]) return null;
  return { host: match[2].replace(/^\[|\]$/g, ''), transport: match[1]?.toLowerCase() === 'tcp' ? 'tcp' : 'ssl' };
};

function slurmOf(values: Values, take: Take, ini: SlurmIni, env: NodeJS.ProcessEnv): SlurmConfig {
  const transport = take('slurm.transport', 'BIOMERO_BRIDGE_SLURM', oneOf('local', 'ssh'), 'ssh');
  const home = take<string | null>('slurm.home', 'BIOMERO_BRIDGE_SLURM_HOME', absolutePath, null);
  if (home && transport === 'ssh')
    values.notes.push('BIOMERO_BRIDGE_SLURM_HOME has no effect with ssh: paths start at the home directory there.');
  return {
    ...slurmFromIni(ini),
    transport,
    home: transport === 'local' ? (home ?? (env['HOME'] || homedir())) : null,
    sshConfigFile: take<string | null>('slurm.sshConfigFile', 'BIOMERO_BRIDGE_SSH_CONFIG', path, null),
    push: take<PushBy>('slurm.push', 'BIOMERO_BRIDGE_SLURM_PUSH', oneOf('off', 'job', 'both'), 'both'),
    transfer: transferOf(take, ini),
    pollSeconds: take('slurm.pollSeconds', 'BIOMERO_BRIDGE_SLURM_POLL_SECONDS', decimal(0.1, 3600), 5),
  };
}

function transferOf(take: Take, ini: SlurmIni): TransferSettings {
  const limit = (key: string, name: SettingName, fallback: number): number =>
    take(`slurm.transfer.limits.${key}`, name, whole(1), fallback);
  return {
    way: take<TransferSettings['way']>(
      'slurm.transfer.way',
      'BIOMERO_BRIDGE_TRANSFER',
      oneOf('auto', 'stream', 'zip', 'shared'),
      'auto',
    ),
    compress: take<TransferSettings['compress']>(
      'slurm.transfer.compress',
      'BIOMERO_BRIDGE_TRANSFER_COMPRESS',
      oneOf('auto', 'on', 'off'),
      'auto',
    ),
    checksums: take<TransferSettings['checksums']>(
      'slurm.transfer.checksums',
      'BIOMERO_BRIDGE_TRANSFER_CHECKSUMS',
      oneOf('off', 'sha256'),
      'off',
    ),
    zipCommand: ini.take('slurm.transfer.zipCommand', 'slurm_zip_cmd', text, ''),
    limits: {
      entries: limit('entries', 'BIOMERO_BRIDGE_ARCHIVE_MAX_ENTRIES', 2_000_000),
      bytes: limit('bytes', 'BIOMERO_BRIDGE_ARCHIVE_MAX_BYTES', 16 * 2 ** 40),
      ratio: limit('ratio', 'BIOMERO_BRIDGE_ARCHIVE_MAX_RATIO', 1040),
    },
  };
}

function webOf(take: Take, values: Values, env: NodeJS.ProcessEnv): WebConfig {
  const url = take<string | null>('web.url', 'BIOMERO_BRIDGE_WEB_URL', webAddress, null);
  const shareLinks = take('web.shareLinks', 'BIOMERO_BRIDGE_SHARE_LINKS', bool, false);
  if (shareLinks && url?.startsWith('http:'))
    values.notes.push(
      'BIOMERO_BRIDGE_SHARE_LINKS is on, but BIOMERO_BRIDGE_WEB_URL is not https: whoever listens on the way gets the links.',
    );
  return {
    host: take('web.host', 'BIOMERO_BRIDGE_WEB_HOST', text, '127.0.0.1'),
    port: take('web.port', 'BIOMERO_BRIDGE_WEB_PORT', whole(0, 65535), 4080),
    token: take<string | null>('web.token', 'BIOMERO_BRIDGE_WEB_TOKEN', token, null),
    url,
    cacheFolder: join(take('web.cacheFolder', 'BIOMERO_BRIDGE_CACHE_DIR', path, defaultCacheDir(env)), 'previews'),
    trustProxy: take('web.trustProxy', 'BIOMERO_BRIDGE_TRUST_PROXY', bool, false),
    shareLinks,
  };
}

/** A way of which a part is missing is off, and that is told. */
function notifyOf(take: Take, values: Values): NotifyConfig {
  const server = take<string | null>('notify.mail.server', 'BIOMERO_BRIDGE_SMTP_URL', smtpAddress, null);
  const caFile = take<string | null>('notify.mail.caFile', 'BIOMERO_BRIDGE_SMTP_CA_FILE', path, null);
  const from = take<string | null>('notify.mail.from', 'BIOMERO_BRIDGE_MAIL_FROM', mailAddress, null);
  const to = take<readonly string[]>('notify.mail.to', 'BIOMERO_BRIDGE_MAIL_TO', mailAddresses, []);
  const url = take<string | null>('notify.webhook.url', 'BIOMERO_BRIDGE_WEBHOOK_URL', webAddress, null);
  const secret = take<string | null>('notify.webhook.secret', 'BIOMERO_BRIDGE_WEBHOOK_SECRET', token, null);
  if (server !== null && (from === null || to.length === 0))
    values.notes.push(
      'BIOMERO_BRIDGE_SMTP_URL is set, but no mail is sent without BIOMERO_BRIDGE_MAIL_FROM and BIOMERO_BRIDGE_MAIL_TO.',
    );
  if (url !== null && secret === null)
    values.notes.push(
      'BIOMERO_BRIDGE_WEBHOOK_URL is set, but nothing is sent there without BIOMERO_BRIDGE_WEBHOOK_SECRET.',
    );
  return {
    mail: server !== null && from !== null && to.length > 0 ? { server, caFile, from, to } : null,
    webhook: url !== null && secret !== null ? { url, secret } : null,
  };
}

const token: Parse<string> = (value) => (/^[\x21-\x7e]{16,}$/.test(value) ? value : null);

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
