import { defineErrors } from './define.ts';

export const orderErrors = defineErrors({
  LEASE_LOST: {
    message: 'This process no longer holds {resource}; another one has taken it over, so nothing more is written.',
    remedy: 'Nothing to do: the other process goes on.',
    who: 'developer',
    retryable: true,
    status: 409,
  },
  ORDER_GONE: {
    message: 'Upload order {order} is not in the table imports any more.',
    remedy: 'Rows of imports must not be removed while runs wait for them; ask who did, then retry the run.',
    who: 'admin',
    retryable: true,
    status: 500,
  },
  ORDER_INVALID: {
    message: 'Upload order {order} cannot be imported: {reason}.',
    remedy: 'Place a corrected order.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  ORDER_UNKNOWN: {
    message: 'There is no upload order {order}.',
    remedy: 'Look the uuid up: `biomero-bridge orders list`.',
    who: 'admin',
    retryable: false,
    status: 404,
  },
  ORDER_AMBIGUOUS: {
    message: '{order} is the beginning of several orders: {orders}.',
    remedy: 'Give more characters of the uuid.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  ORDER_CLOSED: {
    message: 'Upload order {order} was closed while it was imported.',
    remedy: 'Nothing to do; whoever cancelled it stands in its description.',
    who: 'developer',
    retryable: false,
    status: 409,
  },
  ORDER_NOT_FAILED: {
    message: 'Upload order {order} has not failed, it is "{stage}".',
    remedy: 'Only what failed can be retried.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  ORDER_OF_RUN: {
    message: 'Upload order {order} belongs to run {run}.',
    remedy: 'Retry the run: `biomero-bridge retry {run}`.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  STAGE_UNKNOWN: {
    message: 'There is no stage "{stage}".',
    remedy: 'Use one of: {known}.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  ORDER_OF_ANOTHER_IMPORTER: {
    message: 'Upload order {order} was taken by an importer of another kind, which wrote "{stage}".',
    remedy: 'Stop that importer; its orders cannot be cancelled from here.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  ORDER_NEEDS_PREPROCESSING: {
    message: 'Upload order {order} asks for preprocessing in a container, and this importer has no container runtime.',
    remedy:
      'Install podman or apptainer where the importer runs, or name it in BIOMERO_BRIDGE_CONTAINER_COMMAND, then restart the importer. The order stays pending until then.',
    who: 'admin',
    retryable: true,
    status: 501,
  },
  CONTAINER_RUNTIME_MISSING: {
    message: 'The container runtime {program} could not be started: {reason}.',
    remedy: 'Install it where the importer runs, or correct BIOMERO_BRIDGE_CONTAINER_COMMAND. It is tried again.',
    who: 'admin',
    retryable: true,
    status: 500,
  },
  CONTAINER_NOT_STARTED: {
    message: 'The container image {image} could not be run: {reason}.',
    remedy:
      'It is tried again a few times. If it stays so, pull the image by hand as the user of the importer, and look whether its registry can be reached.',
    who: 'admin',
    retryable: true,
    status: 502,
  },
  IMPORT_STALLED: {
    message: 'The import process of order {order} said nothing for {minutes} min and was ended.',
    remedy:
      'It is tried again a few times. If it stays so, look into the log of the import, and whether OMERO answers and its disks are well.',
    who: 'admin',
    retryable: true,
    status: 504,
  },
  DESTINATION_GONE: {
    message: '{type} {id} does not exist in group {group}, or {user} may not see it.',
    remedy: 'Choose an existing destination in that group and order the import again.',
    who: 'researcher',
    retryable: false,
    status: 409,
  },
  DESTINATION_NOT_WRITABLE: {
    message: '{user} may not add images to {type} {id}, which belongs to another user of group {group}.',
    remedy: "Choose a {type} of your own, or a group in which members may write into each other's data.",
    who: 'researcher',
    retryable: false,
    status: 403,
  },
  FILE_NOT_ALLOWED: {
    message: '{path} is outside the folders of group {group} ({allowed}), so it is not imported.',
    remedy: 'Move the file into the folder of the group, or correct the group mapping.',
    who: 'admin',
    retryable: false,
    status: 403,
  },
  IMPORT_PROCESS_FAILED: {
    message:
      'The import process ended with {how} and said nothing about {left} of {total} files. Its last words: {reason}.',
    remedy:
      'It is tried again a few times. If it stays so, look into the log of the import and the memory of the machine.',
    who: 'admin',
    retryable: true,
    status: 502,
  },
  ANOTHER_IMPORTER: {
    message: 'Stage "{stage}" of order {order} was written by somebody else while this importer worked on it.',
    remedy: 'Only one kind of importer may run on a database: stop the other one, then restart this one.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  DATABASE_ROLE_REFUSED: {
    message:
      'The database user is called "bridge", like the schema of this product: BIOMERO\'s tables would end up in it.',
    remedy: 'Use a database user of another name in SQLALCHEMY_URL and INGEST_TRACKING_DB_URL.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  IMPORTS_SCHEMA_UNKNOWN: {
    message: 'The table imports has been migrated to {version}, which this version does not know.',
    remedy: 'Install a newer biomero-bridge.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
});
