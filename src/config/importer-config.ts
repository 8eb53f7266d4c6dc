import { join, resolve } from 'node:path';
import type { ImporterConfig } from './config.ts';
import { containersOf } from './container-settings.ts';
import type { SettingsFile } from './settings.ts';
import { settingOf } from './settings-table.ts';
import { bool, command, identity, javaMemory, path, whole, type Take, type Values } from './values.ts';

/** How orders are imported. */
export function importerOf(values: Values, take: Take, settings: SettingsFile, env: NodeJS.ProcessEnv): ImporterConfig {
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
