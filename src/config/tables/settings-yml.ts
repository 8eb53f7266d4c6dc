import { bool, positive, postgres, yamlKey, type Setting } from '../setting.ts';

/** Keys of the importer's settings.yml. */
export const settingsYml = [
  yamlKey(
    'base_dir',
    'an absolute path',
    '/data',
    'Root of the shared storage; a group without a mapping has its folder below it.',
  ),
  yamlKey('ingest_tracking_db', postgres, '', 'See INGEST_TRACKING_DB_URL, which wins.', {
    secret: true,
    variables: ['INGEST_TRACKING_DB_URL'],
  }),
  yamlKey('max_workers', positive, '4', 'Orders imported at the same time by one importer.'),
  yamlKey(
    'parallel_upload_per_worker',
    positive,
    "the importer command's own",
    '`--parallel-upload` of the import process.',
  ),
  yamlKey(
    'parallel_filesets_per_worker',
    positive,
    "the importer command's own",
    '`--parallel-fileset` of the import process.',
  ),
  yamlKey('skip_all', 'true or false', 'false', '`--skip all`: what follows is then not looked at.'),
  yamlKey('skip_checksum', 'true or false', 'false', '`--skip checksum`.'),
  yamlKey('skip_minmax', 'true or false', 'false', '`--skip minmax`.'),
  yamlKey('skip_thumbnails', 'true or false', 'false', '`--skip thumbnails`.'),
  yamlKey('skip_upgrade', 'true or false', 'false', '`--skip upgrade`.'),
  yamlKey(
    'use_register_zarr',
    bool,
    'true',
    'OME-Zarrs are made known to OMERO from their metadata alone, without a look at their chunks; the server needs the zarr pixel buffer (`omero-zarr-pixel-buffer`) to show them. Off: they are imported through Bio-Formats, as other files.',
    { variables: ['USE_REGISTER_ZARR'] },
  ),
  yamlKey('annotation_namespace', 'a namespace', 'biomero.import', "Namespace of the importer's annotations."),
  yamlKey(
    'shutdown_timeout',
    'a number of seconds from 0 to 86400',
    '30',
    'Imports may go on for so long after the importer was asked to stop; then they are ended and left to the next one.',
  ),
  yamlKey('log_level', 'a level such as INFO or DEBUG', 'info', 'What is logged.', {
    variables: ['BIOMERO_BRIDGE_LOG_LEVEL'],
  }),
] as const satisfies readonly Setting[];
