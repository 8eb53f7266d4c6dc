/**
 * Every setting that is read, as data: names, forms, defaults and meanings. Error texts and the reference page are made
 * from it; the readers look forms up here, so a setting cannot be read without standing in this table.
 */
export interface Setting {
  readonly name: string;
  /** `environment`, `settings.yml`, or a section of `slurm-config.ini`. */
  readonly where: 'environment' | 'settings.yml' | '[SSH]' | '[SLURM]' | '[ANALYTICS]' | '[WORKFLOWS]';
  /** The expected form, as words that follow "expected". */
  readonly form: string;
  /** The default as people read it; empty: none. */
  readonly default: string;
  readonly meaning: string;
  readonly secret?: true;
  /** The value may stand in a file that `<name>_FILE` names. */
  readonly file?: true;
  /** Environment variables that win over a file's key. */
  readonly variables?: readonly string[];
}

const postgres = 'a PostgreSQL URL such as postgresql+psycopg2://user:password@host:5432/database';
const bool = 'true, yes, on, 1 or false, no, off, 0';
const positive = 'a positive whole number';

export const settings = [
  // The integration's own variables.
  v(
    'IMPORTER_ENABLED',
    'true or false',
    'false',
    'True: results are archived on the group storage and imported in place (`SLURM_Import_Results.py`). Unset, empty or false: the classic way through the OMERO API (`SLURM_Get_Results.py`).',
  ),
  v(
    'INGEST_TRACKING_DB_URL',
    postgres,
    'ingest_tracking_db of settings.yml',
    'Database with the upload orders (`imports`), shared with the importer.',
    { secret: true, file: true },
  ),
  v(
    'SQLALCHEMY_URL',
    postgres,
    'sqlalchemy_url of [ANALYTICS]',
    "Database with BIOMERO's event log; ours stands beside it in schema `bridge`.",
    { secret: true, file: true },
  ),
  v(
    'IMPORTER_CONFIG_PATH',
    'the path of settings.yml',
    '/opt/omero/server/config-importer/settings.yml',
    "The importer's settings file; `base_dir` in it is the root of the shared storage.",
  ),
  v(
    'OMERO_BIOMERO_CONFIG_FILE',
    'the path of biomero-config.json',
    '/opt/omero/server/biomero-config.json',
    'Group folder mappings (`group_mappings`). Need not exist.',
  ),
  v(
    'OMERO_BIOMERO_GROUP_MAPPINGS_FILE',
    'the path of group-mappings.json',
    '/opt/omero/server/group-mappings.json',
    'Group folder mappings, bare; wins over the other file group by group. Need not exist.',
  ),
  v(
    'BIOMERO_IMPORT_TIMEOUT_SECONDS',
    positive,
    '3600',
    'After so many seconds without an answer from an importer a run asks for attention. It keeps waiting.',
  ),
  v('USE_REGISTER_ZARR', bool, 'use_register_zarr of settings.yml, else true', 'Wins over `use_register_zarr` there.'),
  v('OMERO_HOST', 'a host name; tcp://host for a server without TLS', '', 'The OMERO server.'),
  v('OMERO_PORT', 'a port number (1 to 65535)', '4064', "The OMERO server's router port."),
  v('OMERO_USER', 'a user name', '', 'Account that may sudo into the groups that results go to.', { file: true }),
  v('OMERO_PASSWORD', 'a password', '', 'Its password.', { secret: true, file: true }),
  // Ours.
  v(
    'BIOMERO_BRIDGE_SLURM',
    'local or ssh',
    'ssh',
    'How Slurm commands are run: on this machine, or through OpenSSH on `[SSH] host`.',
  ),
  v(
    'BIOMERO_BRIDGE_SLURM_HOME',
    'an absolute path',
    'the home directory',
    'With `local`: folder that relative cluster paths start from.',
  ),
  v('BIOMERO_BRIDGE_SLURM_CONFIG', 'the path of slurm-config.ini', '', 'Read this file instead of /etc, /OMERO and ~.'),
  v(
    'BIOMERO_BRIDGE_SLURM_POLL_SECONDS',
    'a number of seconds from 0.1 to 3600',
    '5',
    'Time between two looks at jobs that are about to change. Jobs that stay as they are get looked at more seldom, down to every twelfth time.',
  ),
  v(
    'BIOMERO_BRIDGE_SLURM_PUSH',
    'off, job or both',
    'both',
    "Who tells us that a job ended, so that its results come home at once: nobody; the job's last act (scripts that we generate); or also a tiny job of its own that waits for it.",
  ),
  v(
    'BIOMERO_BRIDGE_SSH_CONFIG',
    'the path of an ssh configuration file',
    '~/.ssh/config',
    'With `ssh`: where the host alias is looked up.',
  ),
  v(
    'BIOMERO_BRIDGE_DESCRIPTORS',
    'the path of a folder',
    '',
    "Descriptors of workflows: `<workflow>.json`, `<workflow>.yaml`, or a folder `<workflow>` with one. Wins over the workflow's `_repo`.",
  ),
  v(
    'BIOMERO_BRIDGE_CACHE_DIR',
    'a path',
    '~/.cache/biomero-bridge',
    'Copies of descriptors that came from addresses, which serve while an address does not answer, and up to 1 GB of pictures of results. What is in it can be removed at any time.',
  ),
  v(
    'BIOMERO_BRIDGE_WORK_DIR',
    'a path',
    'the folder work in BIOMERO_BRIDGE_CACHE_DIR',
    'Where results wait on a local disk while they are uploaded to OMERO, on the classic way (`IMPORTER_ENABLED` off). Each is removed when its run has ended; what is removed earlier is fetched again.',
  ),
  v(
    'BIOMERO_BRIDGE_ATTACH_ZIP',
    bool,
    'true',
    'On the classic way: attach the zip with all results to their dataset in OMERO. The log of the job and the metadata are attached in any case.',
  ),
  v(
    'BIOMERO_BRIDGE_TRANSFER',
    'auto, stream, zip or shared',
    'auto',
    'How results come home: one `tar` stream; a zip that the cluster makes (`slurm_zip_cmd`), kept as it is; or straight from a file system that both have mounted. `auto`: shared where this machine sees the same folder under the same path, else a stream.',
  ),
  v(
    'BIOMERO_BRIDGE_TRANSFER_COMPRESS',
    'auto, on or off',
    'auto',
    'Whether the stream goes through zstd, where both ends have it. `auto`: when the connection brings less than 60 MB/s.',
  ),
  v(
    'BIOMERO_BRIDGE_TRANSFER_CHECKSUMS',
    'off or sha256',
    'off',
    'Lets the cluster take checksums itself (`sha256sum`), compared with what arrived beside names, sizes and times. It reads everything once more there.',
  ),
  v('BIOMERO_BRIDGE_ARCHIVE_MAX_ENTRIES', positive, '2000000', 'Most files and folders that a result may have.'),
  v('BIOMERO_BRIDGE_ARCHIVE_MAX_BYTES', positive, '17592186044416', 'Most bytes that a result may have, unpacked.'),
  v(
    'BIOMERO_BRIDGE_ARCHIVE_MAX_RATIO',
    positive,
    '1040',
    'How many times larger than its zip a result may be. Deflate reaches 1032; more means that entries share data.',
  ),
  v(
    'BIOMERO_BRIDGE_CLEANUP',
    bool,
    'true',
    "A run's data on the cluster are removed once its archive is verified and its import confirmed. Failed runs keep theirs.",
  ),
  v(
    'BIOMERO_BRIDGE_IMPORT_COMMAND',
    'a JSON array of words such as ["omero","import"]',
    "Java with OMERO's importer",
    'Another import process, before the arguments that we add. `omero import` shows the session key in the list of processes; Java does not.',
  ),
  v(
    'BIOMERO_BRIDGE_IMPORT_JARS',
    'a path',
    '/opt/omero/server/OMERO.server/lib/client',
    "Folder with the jars of OMERO's client: `lib/client` of an OMERO.server, or `libs` of OMERO.java.",
  ),
  v(
    'BIOMERO_BRIDGE_IMPORT_MEMORY',
    'an amount of at least 64m such as 2g',
    '1g',
    'Most memory of the import process, as `-Xmx` of Java.',
  ),
  v(
    'BIOMERO_BRIDGE_IMPORT_STALL_SECONDS',
    positive,
    '3600',
    'An import process that says nothing for so long is ended through its OMERO session and tried again. However long an import takes, as long as it goes on nobody ends it.',
  ),
  v(
    'BIOMERO_BRIDGE_STRICT_FOLDERS',
    bool,
    'false',
    'A group without a mapping may import from `<base_dir>/<group>` alone. Otherwise also from what lies in `base_dir` outside the folders of other groups.',
  ),
  v(
    'BIOMERO_BRIDGE_CONTAINER_COMMAND',
    'a JSON list of words such as ["podman"]',
    'podman or apptainer, whichever is found first in PATH',
    'Container runtime of orders with preprocessing, with options of its own where it needs them. Without one such orders stay pending.',
  ),
  v(
    'BIOMERO_BRIDGE_CONTAINER_NETWORK',
    'the name of a network',
    'none',
    "Network of those containers: none at all, or one of the runtime's such as `slirp4netns` or `host`.",
  ),
  v(
    'BIOMERO_BRIDGE_CONTAINER_MEMORY',
    'an amount of at least 64m such as 2g, or none',
    '8g',
    'Most memory of such a container. A rootless podman on a machine with cgroups v1 cannot hold to it, and says so in the log; where the memory controller is not delegated to the user it refuses to start: `none` asks for no limit.',
  ),
  v(
    'BIOMERO_BRIDGE_CONTAINER_SECONDS',
    positive,
    '21600',
    'A conversion that takes longer is ended, and its file fails.',
  ),
  v(
    'BIOMERO_BRIDGE_CONTAINER_IMAGES',
    'images or beginnings of them with their registry, separated by spaces, such as docker.io/cellularimagingcf/',
    'none: any image',
    'Container images that orders may name. Whoever may write orders may otherwise run any image on the files of the group.',
  ),
  v(
    'BIOMERO_BRIDGE_CONTAINER_SCRATCH',
    'a path',
    'beside the files that are converted',
    'Folder for the second copies that converters write and that are removed afterwards; on a fast local disk it spares the storage.',
  ),
  v(
    'PODMAN_USERNS_MODE',
    'a word; keep-id has a meaning',
    'auto',
    '`keep-id`: the user inside the container is the one that the importer runs as, for images that do not run as root.',
  ),
  v(
    'BIOMERO_BRIDGE_IMPORT_LOG_DIR',
    'a path',
    'logs in the working directory',
    'Folder for one log per import process.',
  ),
  v(
    'BIOMERO_BRIDGE_IMPORT_RUN_AS',
    'uid:gid in digits such as 1000:994',
    'our own identity',
    'Identity of the import process when we run as root.',
  ),
  v(
    'BIOMERO_BRIDGE_OMERO_TLS',
    'verify, self-signed or anonymous',
    'verify',
    "How the OMERO server's certificate is judged: `verify` by the authorities that the system and Node.js trust, and by its name; `self-signed` takes any; `anonymous` needs none, as an OMERO.server without certificate. The last two protect against reading along only.",
  ),
  v(
    'BIOMERO_BRIDGE_OMERO_CA_FILE',
    'the path of a PEM file',
    '',
    'Authorities to trust, with `verify`, in place of those of the system.',
  ),
  v(
    'BIOMERO_BRIDGE_OMERO_FINGERPRINT',
    'a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
    '',
    "The OMERO server's certificate is the one with this fingerprint, whoever signed it; the safe way with a self-signed certificate. `openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE` prints it, as does the error when the certificate is refused.",
  ),
  v(
    'BIOMERO_BRIDGE_OMERO_RECONNECT_SECONDS',
    'a whole number from 0 to 600',
    '20',
    'When the connection to OMERO breaks, it is made anew for so long and the session joined again, so that a restarted router or a short outage of the network ends no import. 0: the session is given up at once.',
  ),
  v('BIOMERO_BRIDGE_OMERO_WEB_URL', 'an http or https address', '', 'Address of OMERO.web, for links to images.'),
  v('BIOMERO_BRIDGE_WEB_HOST', 'a host name or address', '127.0.0.1', 'Address that the web role listens on.'),
  v('BIOMERO_BRIDGE_WEB_PORT', 'a port number (0 to 65535; 0: any free one)', '4080', 'Port of the web role.'),
  v(
    'BIOMERO_BRIDGE_WEB_URL',
    'an http or https address',
    'our own address',
    'Address that browsers use when a proxy stands in front, with its path: `https://omero.example.org/bridge/`. With https, cookies are sent by https alone.',
  ),
  v(
    'BIOMERO_BRIDGE_TRUST_PROXY',
    bool,
    'false',
    "Take the client's address from the last entry of `X-Forwarded-For`. Only behind a proxy that sets it: sign-in attempts are counted per address.",
  ),
  v(
    'BIOMERO_BRIDGE_WEB_TOKEN',
    'at least 16 characters without spaces',
    '',
    'Sign-in token of the quick start, on loopback alone: with it, the web role listens nowhere else. Without one token sign-in is off.',
    { secret: true, file: true },
  ),
  v(
    'BIOMERO_BRIDGE_SHARE_LINKS',
    bool,
    'false',
    'Lets owners of runs, leaders of their groups and administrators make links that open one run, read-only and for so many days, to whoever holds them, without sign-in. Off: no such link works, also none that was made before.',
  ),
  v(
    'BIOMERO_BRIDGE_SMTP_URL',
    'an address such as smtp://mail.example.org:587 or smtps://user:password@mail.example.org',
    'none: no mail',
    'Mail server through which people are told, once, that a run ended or needs somebody. With a user the connection is always encrypted.',
    { secret: true, file: true },
  ),
  v(
    'BIOMERO_BRIDGE_SMTP_CA_FILE',
    'the path of a PEM file',
    '',
    'Authorities to trust when the mail server shows its certificate, in place of those of the system.',
  ),
  v('BIOMERO_BRIDGE_MAIL_FROM', 'a mail address', '', 'Sender of these mails; needed for mail.'),
  v(
    'BIOMERO_BRIDGE_MAIL_TO',
    'mail addresses with commas between them; {user} stands for a login name',
    '',
    'Who gets them; needed for mail. `{user}@example.org` writes to whoever started the run, by the name of their OMERO account.',
  ),
  v(
    'BIOMERO_BRIDGE_WEBHOOK_URL',
    'an http or https address',
    'none: no webhook',
    'Address that is told the same by HTTP POST with a JSON body.',
  ),
  v(
    'BIOMERO_BRIDGE_WEBHOOK_SECRET',
    'at least 16 characters without spaces',
    '',
    'Key of the signature in `X-Biomero-Bridge-Signature`; needed for a webhook.',
    { secret: true, file: true },
  ),
  v(
    'BIOMERO_BRIDGE_ARCHIVE_FOLDER_MODE',
    'permissions in octal digits such as 2750, with all rights for the owner',
    'as the umask and the folder above give them',
    "Permissions of an archive's folders and of those above it that we make. `2775` keeps the group of the group folder, so that the importer's and OMERO server's users, members of that group, can read.",
  ),
  v(
    'BIOMERO_BRIDGE_ARCHIVE_FILE_MODE',
    'permissions in octal digits such as 640, readable for the owner',
    'as the umask and the folder above give them',
    "Permissions of an archive's files. `440` also protects them from being changed by mistake.",
  ),
  v(
    'BIOMERO_BRIDGE_METRICS_PORT',
    'a port number (0 to 65535; 0: any free one)',
    'none: no metrics',
    'Every role serves `/metrics` for Prometheus and `/healthz` there, without a sign-in.',
  ),
  v('BIOMERO_BRIDGE_METRICS_HOST', 'a host name or address', '127.0.0.1', 'Address that these are served on.'),
  v(
    'BIOMERO_BRIDGE_LOG_LEVEL',
    'trace, debug, info, warn, error, fatal or silent',
    'log_level of settings.yml, else info',
    'What is logged.',
  ),
  v(
    'BIOMERO_BRIDGE_VIEWS',
    'auto or ours',
    'auto',
    "Who fills BIOMERO's `biomero_*` view tables. `auto`: we, unless a Python worker's listeners have left their `*_tracking` tables; then they do, from our events too. `ours`: we always do, and move the listeners' cursors along; only where no Python worker runs any more.",
  ),
  v(
    'BIOMERO_BRIDGE_MAX_RUNS',
    positive,
    '4',
    'Runs that one worker transfers at the same time; any number may wait for their jobs.',
  ),
  // settings.yml
  s(
    'base_dir',
    'an absolute path',
    '/data',
    'Root of the shared storage; a group without a mapping has its folder below it.',
  ),
  s('ingest_tracking_db', postgres, '', 'See INGEST_TRACKING_DB_URL, which wins.', {
    secret: true,
    variables: ['INGEST_TRACKING_DB_URL'],
  }),
  s('max_workers', positive, '4', 'Orders imported at the same time by one importer.'),
  s('parallel_upload_per_worker', positive, "the importer command's own", '`--parallel-upload` of the import process.'),
  s(
    'parallel_filesets_per_worker',
    positive,
    "the importer command's own",
    '`--parallel-fileset` of the import process.',
  ),
  s('skip_all', 'true or false', 'false', '`--skip all`: what follows is then not looked at.'),
  s('skip_checksum', 'true or false', 'false', '`--skip checksum`.'),
  s('skip_minmax', 'true or false', 'false', '`--skip minmax`.'),
  s('skip_thumbnails', 'true or false', 'false', '`--skip thumbnails`.'),
  s('skip_upgrade', 'true or false', 'false', '`--skip upgrade`.'),
  s(
    'use_register_zarr',
    bool,
    'true',
    'OME-Zarrs are made known to OMERO from their metadata alone, without a look at their chunks; the server needs the zarr pixel buffer (`omero-zarr-pixel-buffer`) to show them. Off: they are imported through Bio-Formats, as other files.',
    { variables: ['USE_REGISTER_ZARR'] },
  ),
  s('annotation_namespace', 'a namespace', 'biomero.import', "Namespace of the importer's annotations."),
  s(
    'shutdown_timeout',
    'a number of seconds from 0 to 86400',
    '30',
    'Imports may go on for so long after the importer was asked to stop; then they are ended and left to the next one.',
  ),
  s('log_level', 'a level such as INFO or DEBUG', 'info', 'What is logged.', {
    variables: ['BIOMERO_BRIDGE_LOG_LEVEL'],
  }),
  // slurm-config.ini
  i('[SSH]', 'host', 'a host alias of ~/.ssh/config', 'slurm', 'Where Slurm commands are run.'),
  i(
    '[SLURM]',
    'slurm_data_path',
    'a path',
    'my-scratch/data',
    'Folder for the data of jobs. Relative cluster paths start at the home directory there.',
  ),
  i(
    '[SLURM]',
    'slurm_images_path',
    'a path',
    'my-scratch/singularity_images/workflows',
    'Folder with the container images of workflows.',
  ),
  i(
    '[SLURM]',
    'slurm_converters_path',
    'a path',
    'my-scratch/singularity_images/converters',
    'Folder with the container images of converters.',
  ),
  i('[SLURM]', 'slurm_script_path', 'a path', 'slurm-scripts', 'Folder with the job scripts.'),
  i('[SLURM]', 'slurm_script_repo', 'a git URL', '', 'Repository that job scripts are taken from.'),
  i('[SLURM]', 'slurm_data_bind_path', 'a path', '', 'APPTAINER_BINDPATH of jobs.'),
  i(
    '[SLURM]',
    'slurm_default_partition',
    'a partition',
    '',
    'Partition when nothing else names one.',
    'BIOMERO_DEFAULT_PARTITION',
  ),
  i(
    '[SLURM]',
    'slurm_zip_cmd',
    'a 7z command',
    '$(command -v 7z || command -v 7za)',
    "Command that makes a zip on the cluster, with `BIOMERO_BRIDGE_TRANSFER=zip`; the cluster's shell reads it.",
    'BIOMERO_SLURM_ZIP_CMD',
  ),
  i('[SLURM]', 'slurm_conversion_partition', 'a partition', '', 'Partition of conversion jobs.'),
  i(
    '[SLURM]',
    'sacct_start_time',
    'a date such as 2023-01-01',
    '2023-01-01',
    'Jobs before this date are not looked at.',
    'BIOMERO_SACCT_START_TIME',
  ),
  i(
    '[SLURM]',
    'sacct_days_ago',
    positive,
    '',
    'As many days back; wins over sacct_start_time.',
    'BIOMERO_SACCT_START_DAYS_AGO',
  ),
  i(
    '[SLURM]',
    'env_file_submission',
    bool,
    'false',
    "A job's variables come in a file instead of on the command line.",
    'BIOMERO_ENV_FILE_SUBMISSION',
  ),
  i('[SLURM]', 'inject_gpu_flag', bool, 'false', 'GPU_FLAG is given to the job.', 'BIOMERO_INJECT_GPU_FLAG'),
  i(
    '[SLURM]',
    'gpu_partition',
    'a partition',
    '',
    'Partition of workflows that use a GPU.',
    'BIOMERO_GPU_PARTITION',
    'GPU_PARTITION',
  ),
  i(
    '[SLURM]',
    'gpu_gres',
    'a gres such as gpu:1',
    '',
    '`--gres` of workflows that use a GPU; not with gpu_gpus.',
    'BIOMERO_GPU_GRES',
    'GPU_GRES',
  ),
  i(
    '[SLURM]',
    'gpu_gpus',
    'a number or type:number',
    '',
    '`--gpus` of workflows that use a GPU; not with gpu_gres.',
    'BIOMERO_GPU_GPUS',
    'GPU_GPUS',
  ),
  i('[SLURM]', 'sbatch_<flag>', 'a value', '', '`--<flag>=<value>` for every job that does not set it otherwise.'),
  i('[ANALYTICS]', 'track_workflows', bool, 'true', "Runs are written to BIOMERO's event log."),
  i('[ANALYTICS]', 'enable_job_accounting', bool, 'true', 'Rows in biomero_job_view.'),
  i(
    '[ANALYTICS]',
    'enable_job_progress',
    bool,
    'true',
    'Rows in biomero_job_progress_view and biomero_workflow_progress_view.',
  ),
  i('[ANALYTICS]', 'enable_workflow_analytics', bool, 'true', 'Rows in biomero_task_execution.'),
  {
    ...i('[ANALYTICS]', 'sqlalchemy_url', postgres, '', 'See SQLALCHEMY_URL, which wins.', 'SQLALCHEMY_URL'),
    secret: true,
  },
  i(
    '[WORKFLOWS]',
    '<workflow>',
    'a folder',
    '',
    'A workflow and the folder of its container images below slurm_images_path. [MODELS] is read first, [WORKFLOWS] wins.',
  ),
  i(
    '[WORKFLOWS]',
    '<workflow>_repo',
    'the URL of a repository',
    '',
    'Where the descriptor is: a GitHub repository, another address, or a path. `/tree/<version>` names the version.',
  ),
  i('[WORKFLOWS]', '<workflow>_job', 'a path', 'jobs/<workflow>.sh', 'Job script below slurm_script_path.'),
  i('[WORKFLOWS]', '<workflow>_use_gpu', bool, 'false', 'The workflow uses a GPU.'),
  i('[WORKFLOWS]', '<workflow>_job_<flag>', 'a value', '', "`--<flag>=<value>` for this workflow's jobs."),
] as const satisfies readonly Setting[];

export type SettingName = (typeof settings)[number]['name'];

/** Checked at start, but nothing uses them yet; the reference page says so. */
export const withoutEffect: ReadonlySet<SettingName> = new Set<SettingName>([
  'slurm_converters_path',
  'slurm_script_repo',
  'slurm_conversion_partition',
  'sacct_start_time',
  'sacct_days_ago',
]);

const byName: ReadonlyMap<string, Setting> = new Map(settings.map((setting) => [setting.name, setting]));

/** The setting of this name; names are unique over all places. */
export function settingOf(name: SettingName): Setting {
  const setting = byName.get(name);
  if (!setting) throw new Error(`setting ${name} stands in no table`);
  return setting;
}

type More = Pick<Setting, 'secret' | 'file' | 'variables'>;

function v<const N extends string>(name: N, form: string, fallback: string, meaning: string, more: More = {}) {
  return { name, where: 'environment' as const, form, default: fallback, meaning, ...more };
}

function s<const N extends string>(name: N, form: string, fallback: string, meaning: string, more: More = {}) {
  return { name, where: 'settings.yml' as const, form, default: fallback, meaning, ...more };
}

function i<const N extends string>(
  where: Exclude<Setting['where'], 'environment' | 'settings.yml'>,
  name: N,
  form: string,
  fallback: string,
  meaning: string,
  ...variables: string[]
) {
  return { name, where, form, default: fallback, meaning, ...(variables.length ? { variables } : {}) };
}
