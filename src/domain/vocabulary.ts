/**
 * The words of this product, once. The strings that BIOMERO shares with us (stages, statuses, script names) are a
 * contract with running sites and never change.
 *
 * - **Workflow run**: one launch of an analysis workflow; `bridge.runs`, and BIOMERO's WorkflowRun.
 * - **Task**: a part of a workflow run in BIOMERO's log: the analysis itself, the import of its results.
 * - **Job**: what Slurm runs for a task.
 * - **Archive**: the permanent folder with a job's results on the group's storage.
 * - **Upload order**: a row in `imports` that asks an importer for files to be imported in place.
 * - **Stage**: the state of an upload order. **Status**: the state of a task, in the log.
 * - **Group folder**: where a group's data lie on the shared storage.
 * - **Destination**: the Dataset or Screen that receives the images.
 * - **Fileset**, **image**, **plate**: OMERO's own.
 */

/** Stages of an upload order in `imports.stage`, exactly as the Python importer writes them. */
export const stages = {
  pending: 'Import Pending',
  started: 'Import Started',
  preprocessing: 'Import Preprocessing',
  completed: 'Import Completed',
  failed: 'Import Failed',
} as const;
export type Stage = (typeof stages)[keyof typeof stages];

/** Statuses of an import task in BIOMERO's log and progress view. */
export const statuses = {
  initializing: 'INITIALIZING',
  transferring: 'TRANSFERRING',
  running: 'RUNNING',
  retrieving: 'RETRIEVING',
  importing: 'IMPORTING',
  imported: 'IMPORTED',
  importFailed: 'IMPORT_FAILED',
  done: 'DONE',
  failed: 'FAILED',
} as const;

/** Names of the two import tasks, as OMERO scripts and in the log. */
export const importTaskNames = {
  'import-results': 'SLURM_Import_Results.py',
  'get-results': 'SLURM_Get_Results.py',
} as const;
export type Recipe = keyof typeof importTaskNames;

export const destinationTypes = ['Dataset', 'Screen'] as const;
export type DestinationType = (typeof destinationTypes)[number];

/** Name of a job's log: in the account's home on the cluster, in an archive, and in OMERO. BIOMERO's, so it must not change. */
export const jobLogName = (jobId: number | string): string => `omero-${jobId}.log`;

/** The steps of a run, in order, as people see them. */
export const stepNames = ['submit', 'follow', 'archive', 'order', 'import', 'annotate'] as const;
export type StepName = (typeof stepNames)[number];
/** How people call the steps of a run that follows a recipe: the classic one keeps no archive and places no order. */
export const stepTitles: Readonly<Record<Recipe, Readonly<Record<StepName, string>>>> = {
  'import-results': {
    submit: 'submit',
    follow: 'follow',
    archive: 'archive',
    order: 'order',
    import: 'import',
    annotate: 'annotate',
  },
  'get-results': {
    submit: 'submit',
    follow: 'follow',
    archive: 'fetch',
    order: 'prepare',
    import: 'upload',
    annotate: 'attach',
  },
};
/** Namespace of what BIOMERO's script for results attaches in OMERO. */
export const resultsNamespace = 'openmicroscopy.org/omero/scripts/results/created/SLURM/SLURM_GET_RESULTS';
/** Attention code of a run whose records were restored from its archive alone. */
export const restoredFromArchive = 'restored_from_archive';

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'attention';
