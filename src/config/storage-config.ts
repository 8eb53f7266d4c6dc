import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { StorageConfig } from './config.ts';
import type { SettingsFile } from './settings.ts';
import { settingOf } from './settings-table.ts';
import { mode, path, type Take, type Values } from './values.ts';

/** The shared storage. `needed`: its folder may not be missing. */
export function storageOf(values: Values, take: Take, settings: SettingsFile, needed: boolean): StorageConfig {
  return {
    baseDir: baseDirOf(values, settings, needed),
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
