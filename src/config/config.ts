/**
 * The one typed configuration. Built by `load.ts` from the environment, `settings.yml`, `biomero-config.json`,
 * `group-mappings.json` and `slurm-config.ini`; nothing else in the product reads `process.env` or these files.
 */

export interface Config {
  /** `IMPORTER_ENABLED`: chooses the recipe of new import tasks. */
  readonly importerEnabled: boolean;
  readonly databases: DatabaseConfig;
  readonly storage: StorageConfig;
  readonly importer: ImporterConfig;
  readonly omero: OmeroConfig;
  readonly slurm: SlurmConfig;
  readonly tracking: TrackingConfig;
  readonly worker: WorkerConfig;
  readonly web: WebConfig;
  readonly metrics: MetricsConfig;
  /** Who is told of runs; absent: nobody. */
  readonly notify?: NotifyConfig;
  /** Where workflows' descriptors are found; absent where a configuration is made by hand. */
  readonly descriptors?: DescriptorConfig;
  readonly logLevel: string;
  /** Where each value came from, by its path here (`omero.host`); kept by `loadConfig` for `describeConfig`. */
  readonly origins?: Readonly<Record<string, Origin>>;
  /** The files of slurm-config.ini that were there. */
  readonly files?: readonly string[];
  /** What an admin should know though nothing is wrong, such as a file that is not there. */
  readonly notes?: readonly string[];
}

/** Where a value came from. */
export interface Origin {
  /** `environment`, `default`, or the path of a file. */
  readonly place: string;
  /** The variable, or the file's key; with a default, the one that would change it. */
  readonly key: string;
  /** Counted from 1; null where a place has none. */
  readonly line: number | null;
}

/** A URL is empty when the roles it was loaded for do not use that database. */
export interface DatabaseConfig {
  /** libpq URL of the database with `imports` (`INGEST_TRACKING_DB_URL`, else `ingest_tracking_db` of settings.yml). */
  readonly orders: string;
  /** libpq URL of the database with BIOMERO's event log and `bridge.runs` (`SQLALCHEMY_URL`, else the ini's). */
  readonly runs: string;
}

export interface StorageConfig {
  /** `base_dir` of settings.yml, absolute. */
  readonly baseDir: string;
  /** Files with group mappings, in the order they are merged: a later one wins by group id. Read at every use. */
  readonly mappingFiles: readonly string[];
  /** Permissions of archives; absent or null: as the umask and the folder above give them. */
  readonly modes?: { readonly folder: number | null; readonly file: number | null };
}

export interface ImporterConfig {
  readonly maxWorkers: number;
  readonly parallelUpload: number | null;
  readonly parallelFilesets: number | null;
  /** What the import process skips: `all`, `checksum`, `minmax`, `thumbnails`, `upgrade`. */
  readonly skip: readonly string[];
  /** `annotation_namespace`, default `biomero.import`. */
  readonly annotationNamespace: string;
  /** `use_register_zarr`: OME-Zarrs are registered by their metadata; else imported through Bio-Formats. */
  readonly registerZarr: boolean;
  /** Folder for one log per import process. */
  readonly logDir: string;
  /** Command of the import process before its arguments: Java with OMERO's importer, or such as `omero import`. */
  readonly command: readonly string[];
  /** An unmapped group may import from the folder of its name alone. */
  readonly strictFolders: boolean;
  /** An import process that says nothing for so long is ended and tried again. */
  readonly stallSeconds: number;
  /** Imports may go on for so long after the importer was asked to stop. */
  readonly shutdownSeconds: number;
  /** Most memory of the import process's Java, as `-Xmx` takes it. */
  readonly memory: string;
  /** Identity the import process runs as when we are root; null: our own. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** null: no runtime was found, so orders with preprocessing wait. */
  readonly containers: ContainerConfig | null;
}

/** How containers are run that convert files before they are imported. */
export interface ContainerConfig {
  /** The runtime with options of its own, such as `podman` or `apptainer`. */
  readonly command: readonly string[];
  /** Name of a network, or `none`. */
  readonly network: string;
  /** Most memory, such as `8g`; null: no limit. */
  readonly memory: string | null;
  /** A conversion that takes longer is ended. */
  readonly seconds: number;
  /** Beginnings of images that may be run; none: any image. */
  readonly images: readonly string[];
  /** Folder for second copies; null: beside the first. */
  readonly scratch: string | null;
  /** The container's user is ours (`PODMAN_USERNS_MODE=keep-id`): for images that do not run as root. */
  readonly keepId: boolean;
}

export interface OmeroConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly transport: 'ssl' | 'tcp';
  /** How the server's certificate is judged; `verify` unless configured. */
  readonly tls: 'verify' | 'self-signed' | 'anonymous';
  /** Path of a CA file, with `verify`. */
  readonly caFile: string | null;
  /** SHA-256 of the server's certificate, 64 hexadecimal digits: then this one and no other is accepted. */
  readonly fingerprint?: string | null;
  /** How long a broken connection is tried anew, with the session kept; seconds, 20 unless given, 0: not at all. */
  readonly reconnectSeconds?: number;
  /** Base address of OMERO.web for links, or null. */
  readonly webUrl: string | null;
}

export interface SlurmConfig {
  readonly transport: 'local' | 'ssh';
  /** Host alias of `~/.ssh/config` (`[SSH] host`). */
  readonly host: string;
  /** Another ssh configuration than `~/.ssh/config`; absent or null: that one. */
  readonly sshConfigFile?: string | null;
  /** Folder that relative cluster paths start from, with the local transport; null: the account's home (ssh). */
  readonly home: string | null;
  readonly dataPath: string;
  readonly imagesPath: string;
  readonly scriptPath: string;
  readonly defaultPartition: string | null;
  /** Global `sbatch_<flag>` values. */
  readonly sbatch: Readonly<Record<string, string>>;
  readonly workflows: Readonly<Record<string, WorkflowConfig>>;
  /** How jobs are submitted and looked up; absent where a configuration is made by hand. */
  readonly submission?: SlurmSubmissionConfig;
  /** Seconds between two looks at jobs about to change; quiet jobs are looked at more seldom. */
  readonly pollSeconds: number;
  /** Who writes the line that makes us look at once: nobody, the job's last act, or also a job that depends on it. */
  readonly push?: PushBy;
  /** How results come home; absent where a configuration is made by hand: one tar stream. */
  readonly transfer?: TransferSettings;
}

/** How a site's results come home. */
export interface TransferSettings {
  /** `auto`: `shared` where this machine sees the cluster's files, else `stream`. */
  readonly way: 'auto' | 'stream' | 'zip' | 'shared';
  readonly compress: 'auto' | 'on' | 'off';
  /** Checksums that the cluster takes itself, compared with what arrived. */
  readonly checksums: 'off' | 'sha256';
  /** For `zip`: `slurm_zip_cmd`, read by the cluster's shell; empty: 7z or 7za. */
  readonly zipCommand: string;
  readonly limits: {
    readonly entries: number;
    /** Bytes of all entries together, unpacked. */
    readonly bytes: number;
    /** Unpacked bytes per byte of the zip. */
    readonly ratio: number;
  };
}

export type PushBy = 'off' | 'job' | 'both';

export interface DescriptorConfig {
  /** A folder with `<workflow>.json`, `<workflow>.yaml` or `<workflow>/descriptor.json`; wins over `<workflow>_repo`. */
  readonly folder: string | null;
  /** Where copies of descriptors from addresses are kept. */
  readonly cacheDir: string;
}

export interface SlurmSubmissionConfig {
  readonly convertersPath: string;
  readonly scriptRepository: string | null;
  /** APPTAINER_BINDPATH of jobs. */
  readonly dataBindPath: string | null;
  readonly conversionPartition: string | null;
  /** Jobs before this date are not looked at; `sacctDaysAgo` wins. */
  readonly sacctStart: string;
  readonly sacctDaysAgo: number | null;
  readonly envFile: boolean;
  readonly injectGpuFlag: boolean;
  readonly gpuPartition: string | null;
  /** At most one of the two. */
  readonly gpuGres: string | null;
  readonly gpus: string | null;
}

export interface WorkflowConfig {
  readonly name: string;
  readonly folder: string | null;
  readonly repository: string | null;
  /** Job script, relative to `scriptPath`. */
  readonly job: string;
  readonly useGpu: boolean;
  /** `<workflow>_job_<flag>` values. */
  readonly flags: Readonly<Record<string, string>>;
}

export interface TrackingConfig {
  readonly enabled: boolean;
  readonly jobAccounting: boolean;
  readonly jobProgress: boolean;
  readonly workflowAnalytics: boolean;
  /** Who fills the view tables where Python's listeners have been: they (`auto`), or we (`ours`). */
  readonly views: 'auto' | 'ours';
}

export interface WorkerConfig {
  /** `BIOMERO_IMPORT_TIMEOUT_SECONDS`, 3600. */
  readonly importTimeoutSeconds: number;
  /** Runs that transfer or write at the same time; any number may wait for jobs and imports. */
  readonly maxRuns: number;
  /** Whether a run's data on the cluster are removed when its archive and its import stand; absent: no. */
  readonly cleanup?: boolean;
  /** Local folder in which results wait for their upload on the classic way. */
  readonly workDir: string;
  /** Whether the zip with all results is attached in OMERO on the classic way. */
  readonly attachZip: boolean;
}

export interface MetricsConfig {
  readonly host: string;
  /** Null: no figures are served. */
  readonly port: number | null;
}

/** Both ways are off unless they are configured. */
export interface NotifyConfig {
  readonly mail: MailConfig | null;
  readonly webhook: WebhookConfig | null;
}

export interface MailConfig {
  /** `smtp://` or `smtps://`, with user and password where the server asks for them. */
  readonly server: string;
  /** PEM file with the authorities to trust; null: those of the system. */
  readonly caFile: string | null;
  readonly from: string;
  /** Addresses; `{user}` stands for the OMERO name of who started the run. */
  readonly to: readonly string[];
}

export interface WebhookConfig {
  readonly url: string;
  /** Key of the signature. */
  readonly secret: string;
}

export interface WebConfig {
  readonly host: string;
  readonly port: number;
  /** Sign-in token of the quick start; null: token sign-in is off. */
  readonly token: string | null;
  /** Address that browsers use, when a proxy stands in front; null: our own. */
  readonly url: string | null;
  /** Folder for previews; what is in it can be made anew. */
  readonly cacheFolder: string;
  /** Take a client's address from the proxy's `X-Forwarded-For`. */
  readonly trustProxy: boolean;
  /** Links that open one run without sign-in can be made, and work. */
  readonly shareLinks: boolean;
}
