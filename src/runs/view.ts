/**
 * What people see of a run: the one shape behind the web pages, the event stream and `status`. It is a snapshot that
 * carries the run's revision, so a reader keeps the highest and needs no history.
 */
import type { Fixer } from '../domain/errors/define.ts';
import type { Delivered } from './delivery.ts';
import type { DestinationType, Recipe, StepName, StepState } from '../domain/vocabulary.ts';

/**
 * `attention`: waits for a person or for something outside, and goes on by itself afterwards. `given-up`: failed, and somebody
 * has said that it stays so: nobody is needed any more.
 */
export type RunState = 'running' | 'attention' | 'failed' | 'done' | 'given-up';

/** Times are ISO 8601 in UTC; sizes are bytes. */
export interface RunSummary {
  id: string;
  revision: number;
  workflow: string;
  workflowVersion: string;
  user: string;
  group: string;
  input: { type: DestinationType; id: number; name: string } | null;
  destination: { type: DestinationType; id: number; name: string } | null;
  jobId: number | null;
  state: RunState;
  /** BIOMERO's status of the run, as in its progress view. */
  status: string;
  sentence: string;
  launchedAt: string;
  endedAt: string | null;
  updatedAt: string;
  recipe: Recipe;
  /** Every step with its state, in the order of time. */
  steps: Pick<StepView, 'name' | 'state'>[];
  archiveSafe: boolean;
  imagesFound: number;
  imagesTotal: number | null;
}

export interface StepView {
  name: StepName;
  state: StepState;
  attempt: number;
  startedAt: string | null;
  endedAt: string | null;
  filesDone: number | null;
  filesTotal: number | null;
  bytesDone: number | null;
  bytesTotal: number | null;
  detail: string;
}

export interface FailureView {
  code: string;
  step: StepName;
  /** What happened. */
  message: string;
  /** What is safe, as a sentence. */
  safe: string;
  remedy: string;
  who: Fixer;
  retryable: boolean;
  /** Whether the run can be opened again from this step. */
  repeatable: boolean;
  at: string;
}

export interface ResultView {
  /** Relative to the archive, `/`-separated. */
  path: string;
  bytes: number;
  sha256: string;
  kind: 'image' | 'table' | 'log' | 'provenance' | 'other';
  /** Of images only: state of its import. */
  import: 'none' | 'waiting' | 'imported' | 'already-there' | 'failed';
  filesetId: number | null;
  imageIds: number[];
  plateIds: number[];
  error: string | null;
}

/** One thing that was asked for beside the import, in words for people. */
export interface WishView {
  what: string;
  /** On which objects of OMERO; null: not on any. */
  where: string | null;
  /** What became of it; null: nothing yet. */
  became: string | null;
  /** What was attached for it. */
  files: Delivered['files'];
}

export interface DeliveryView {
  wishes: WishView[];
  /** What could not be done, and why, each a sentence. */
  notDone: string[];
  /** It was done, as far as it could be. */
  finished: boolean;
}

export interface RunView extends RunSummary {
  /** OMERO ids that rights follow from. */
  owner: { user: { id: number }; group: { id: number } };
  taskId: string;
  parameters: Record<string, unknown>;
  /** Ids of the images that are analysed; null: all of the input. */
  inputImages: number[] | null;
  archive: { path: string; files: number; bytes: number; verifiedAt: string | null } | null;
  orders: { uuid: string; stage: string; description: string | null; updatedAt: string }[];
  steps: StepView[];
  failure: FailureView | null;
  results: ResultView[];
  /** What was asked for beside importing the images; null: nothing. */
  delivery: DeliveryView | null;
  /** The job's data on the cluster: kept, to be removed, or removed; and why they are still there. */
  clusterData: { path: string; state: 'keep' | 'remove' | 'removed'; detail: string | null };
}
