import { bool, positive, postgres, variable, type Setting } from '../setting.ts';

/** Variables of the integration, which other programs of it read too. */
export const biomeroVariables = [
  variable(
    'IMPORTER_ENABLED',
    'true or false',
    'false',
    'True: results are archived on the group storage and imported in place (`SLURM_Import_Results.py`). Unset, empty or false: the classic way through the OMERO API (`SLURM_Get_Results.py`).',
  ),
  variable(
    'INGEST_TRACKING_DB_URL',
    postgres,
    'ingest_tracking_db of settings.yml',
    'Database with the upload orders (`imports`), shared with the importer.',
    { secret: true, file: true },
  ),
  variable(
    'SQLALCHEMY_URL',
    postgres,
    'sqlalchemy_url of [ANALYTICS]',
    "Database with BIOMERO's event log; ours stands beside it in schema `bridge`.",
    { secret: true, file: true },
  ),
  variable(
    'IMPORTER_CONFIG_PATH',
    'the path of settings.yml',
    '/opt/omero/server/config-importer/settings.yml',
    "The importer's settings file; `base_dir` in it is the root of the shared storage.",
  ),
  variable(
    'OMERO_BIOMERO_CONFIG_FILE',
    'the path of biomero-config.json',
    '/opt/omero/server/biomero-config.json',
    'Group folder mappings (`group_mappings`). Need not exist.',
  ),
  variable(
    'OMERO_BIOMERO_GROUP_MAPPINGS_FILE',
    'the path of group-mappings.json',
    '/opt/omero/server/group-mappings.json',
    'Group folder mappings, bare; wins over the other file group by group. Need not exist.',
  ),
  variable(
    'BIOMERO_IMPORT_TIMEOUT_SECONDS',
    positive,
    '3600',
    'After so many seconds without an answer from an importer a run asks for attention. It keeps waiting.',
  ),
  variable(
    'USE_REGISTER_ZARR',
    bool,
    'use_register_zarr of settings.yml, else true',
    'Wins over `use_register_zarr` there.',
  ),
  variable('OMERO_HOST', 'a host name; tcp://host for a server without TLS', '', 'The OMERO server.'),
  variable('OMERO_PORT', 'a port number (1 to 65535)', '4064', "The OMERO server's router port."),
  variable('OMERO_USER', 'a user name', '', 'Account that may sudo into the groups that results go to.', {
    file: true,
  }),
  variable('OMERO_PASSWORD', 'a password', '', 'Its password.', { secret: true, file: true }),
] as const satisfies readonly Setting[];
