import { defineErrors } from './define.ts';

export const embeddedErrors = defineErrors({
  PLATFORM_WITHOUT_POSTGRES: {
    message: 'There is no embedded PostgreSQL for {platform}.',
    remedy: 'Run the roles against a PostgreSQL server of your own (worker, importer, web) instead of `start`.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  POSTGRES_VERSION_DIFFERS: {
    message: 'The database in {folder} was made by PostgreSQL {found}; this version brings PostgreSQL {ours}.',
    remedy: 'Start with another --data folder, or move the data with pg_dump of version {found}.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  POSTGRES_FAILED: {
    message: 'The embedded PostgreSQL in {folder} does not start: {reason}',
    remedy: 'Look at {log}.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  DATA_FOLDER_UNREACHABLE: {
    message: 'User {user} (uid {uid}) cannot reach {folder}: {parent} is closed to it.',
    remedy: 'Choose a --data folder that this user can reach, or open {parent} (chmod o+x).',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  DATA_FOLDER_NOT_WRITABLE: {
    message: 'The data folder {folder} cannot be used by uid {uid}: {reason}',
    remedy: 'Choose another folder with --data, or give this user the right to write there.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  ALREADY_STARTED: {
    message: 'Another start (process {pid}) uses the data folder {folder}.',
    remedy: 'Use the one that runs, stop it, or choose another folder with --data.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  INPUT_FOLDER_WITHOUT_IMAGES: {
    message: 'There is no TIFF file in {folder}.',
    remedy: 'Name a folder that holds .tif or .tiff files with --input.',
    who: 'researcher',
    retryable: false,
    status: 400,
  },
  SAMPLE_IMPORT_FAILED: {
    message: 'The sample images could not be imported (order {order}): {reason}',
    remedy: 'Look at the log of the import in the folder logs/imports of the data folder.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  USER_UNKNOWN: {
    message: 'This machine has no user {user}.',
    remedy: 'Name an existing user with --run-as.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
});
