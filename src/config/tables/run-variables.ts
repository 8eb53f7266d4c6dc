import { bool, positive, variable, type Setting } from '../setting.ts';

/** Variables of ours about the cluster and about bringing results home. */
export const runVariables = [
  variable(
    'BIOMERO_BRIDGE_SLURM',
    'local or ssh',
    'ssh',
    'How Slurm commands are run: on this machine, or through OpenSSH on `[SSH] host`.',
  ),
  variable(
    'BIOMERO_BRIDGE_SLURM_HOME',
    'an absolute path',
    'the home directory',
    'With `local`: folder that relative cluster paths start from.',
  ),
  variable(
    'BIOMERO_BRIDGE_SLURM_CONFIG',
    'the path of slurm-config.ini',
    '',
    'Read this file instead of /etc, /OMERO and ~.',
  ),
  variable(
    'BIOMERO_BRIDGE_SLURM_POLL_SECONDS',
    'a number of seconds from 0.1 to 3600',
    '5',
    'Time between two looks at jobs that are about to change. Jobs that stay as they are get looked at more seldom, down to every twelfth time.',
  ),
  variable(
    'BIOMERO_BRIDGE_SLURM_PUSH',
    'off, job or both',
    'both',
    "Who tells us that a job ended, so that its results come home at once: nobody; the job's last act (scripts that we generate); or also a tiny job of its own that waits for it.",
  ),
  variable(
    'BIOMERO_BRIDGE_SSH_CONFIG',
    'the path of an ssh configuration file',
    '~/.ssh/config',
    'With `ssh`: where the host alias is looked up.',
  ),
  variable(
    'BIOMERO_BRIDGE_DESCRIPTORS',
    'the path of a folder',
    '',
    "Descriptors of workflows: `<workflow>.json`, `<workflow>.yaml`, or a folder `<workflow>` with one. Wins over the workflow's `_repo`.",
  ),
  variable(
    'BIOMERO_BRIDGE_CACHE_DIR',
    'a path',
    '~/.cache/biomero-bridge',
    'Copies of descriptors that came from addresses, which serve while an address does not answer, and up to 1 GB of pictures of results. What is in it can be removed at any time.',
  ),
  variable(
    'BIOMERO_BRIDGE_WORK_DIR',
    'a path',
    'the folder work in BIOMERO_BRIDGE_CACHE_DIR',
    'Where results wait on a local disk while they are uploaded to OMERO, on the classic way (`IMPORTER_ENABLED` off). Each is removed when its run has ended; what is removed earlier is fetched again.',
  ),
  variable(
    'BIOMERO_BRIDGE_ATTACH_ZIP',
    bool,
    'true',
    'On the classic way: attach the zip with all results to their dataset in OMERO. The log of the job and the metadata are attached in any case.',
  ),
  variable(
    'BIOMERO_BRIDGE_TRANSFER',
    'auto, stream, zip or shared',
    'auto',
    'How results come home: one `tar` stream; a zip that the cluster makes (`slurm_zip_cmd`), kept as it is; or straight from a file system that both have mounted. `auto`: shared where this machine sees the same folder under the same path, else a stream.',
  ),
  variable(
    'BIOMERO_BRIDGE_TRANSFER_COMPRESS',
    'auto, on or off',
    'auto',
    'Whether the stream goes through zstd, where both ends have it. `auto`: when the connection brings less than 60 MB/s.',
  ),
  variable(
    'BIOMERO_BRIDGE_TRANSFER_CHECKSUMS',
    'off or sha256',
    'off',
    'Lets the cluster take checksums itself (`sha256sum`), compared with what arrived beside names, sizes and times. It reads everything once more there.',
  ),
  variable('BIOMERO_BRIDGE_ARCHIVE_MAX_ENTRIES', positive, '2000000', 'Most files and folders that a result may have.'),
  variable(
    'BIOMERO_BRIDGE_ARCHIVE_MAX_BYTES',
    positive,
    '17592186044416',
    'Most bytes that a result may have, unpacked.',
  ),
  variable(
    'BIOMERO_BRIDGE_ARCHIVE_MAX_RATIO',
    positive,
    '1040',
    'How many times larger than its zip a result may be. Deflate reaches 1032; more means that entries share data.',
  ),
  variable(
    'BIOMERO_BRIDGE_CLEANUP',
    bool,
    'true',
    "A run's data on the cluster are removed once its archive is verified and its import confirmed. Failed runs keep theirs.",
  ),
] as const satisfies readonly Setting[];
