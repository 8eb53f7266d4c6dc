import type { Pool } from '../lib/database.ts';
import { stages, stepNames } from '../domain/vocabulary.ts';
import { readOrder } from '../orders/read-order.ts';
import { fileResults, type FileResult } from '../orders/file-results.ts';
import { askForLabels } from './run-orders.ts';
import { deliveryView } from './delivery-words.ts';
import { orderedOf } from './archived-images.ts';
import {
  readArchive,
  readArchiveFiles,
  readRun,
  readRunOrders,
  readSteps,
  type ArchiveFileRow,
  type ArchiveRow,
  type StepRow,
} from './read-runs.ts';
import { mayBeRepeated, type Run } from './run.ts';
import { runSentence } from './sentence.ts';
import type { FailureView, ResultView, RunState, RunSummary, RunView, StepView } from './view.ts';

/** The two databases a view is read from; they may be one. */
export interface ViewSources {
  runs: Pool;
  orders: Pool;
}

/** Everything a person may see of a run, or null when there is no such run. */
export async function readRunView(sources: ViewSources, id: string): Promise<RunView | null> {
  const run = await readRun(sources.runs, id);
  if (!run) return null;
  const [stepsOf, archive, files, orderIds] = await Promise.all([
    readSteps(sources.runs, [id]),
    readArchive(sources.runs, run.taskId),
    readArchiveFiles(sources.runs, run.taskId),
    readRunOrders(sources.runs, id),
  ]);
  const steps = stepsOf.get(id) ?? [];
  const orders = [];
  const imports = new Map<string, FileResult>();
  for (const uuid of orderIds) {
    const order = await readOrder(sources.orders, uuid);
    if (!order) continue;
    orders.push({
      uuid,
      stage: order.stage,
      description: order.description,
      updatedAt: order.at.toISOString(),
    });
    // A later order holds only what was missing, so its word on a file is the newer one.
    for (const result of await fileResults(sources.orders, uuid)) imports.set(result.path, result);
  }
  // The worker has uploaded them itself.
  if (archive && !archive.kept)
    for (const result of await fileResults(sources.runs, run.taskId)) imports.set(result.path, result);
  return {
    ...summaryOf(run, steps, archive),
    owner: { user: { id: run.user.id }, group: { id: run.group.id } },
    taskId: run.taskId,
    parameters: run.parameters,
    inputImages: run.inputImages,
    archive: archive?.kept ? archiveView(archive) : null,
    orders,
    steps: stepNames.map((name) => stepView(name, steps)),
    failure: run.failure && failureView(run, archive),
    clusterData: { path: run.dataPath, ...run.clusterData },
    delivery: deliveryView(run),
    results: archive
      ? resultsOf(
          archive,
          files,
          imports,
          orders.some((o) => o.stage === stages.completed),
          await askForLabels(sources.orders, orderIds),
          run.delivery?.importImages ?? true,
        )
      : [],
  };
}

function archiveView({ path, files, bytes, verifiedAt }: ArchiveRow): RunView['archive'] {
  return { path, files, bytes, verifiedAt: verifiedAt.toISOString() };
}

/** Summaries of these runs, with one query per table for all of them. */
export async function summariesOf(pool: Pool, runs: Run[]): Promise<RunSummary[]> {
  if (!runs.length) return [];
  const [steps, archives] = await Promise.all([
    readSteps(
      pool,
      runs.map((r) => r.id),
    ),
    readArchives(
      pool,
      runs.map((r) => r.taskId),
    ),
  ]);
  return runs.map((run) => summaryOf(run, steps.get(run.id) ?? [], archives.get(run.taskId) ?? null));
}

async function readArchives(pool: Pool, taskIds: string[]): Promise<Map<string, ArchiveRow>> {
  const { rows } = await pool.query(
    'select task_id, path, files, bytes, verified_at as "verifiedAt", kept from bridge.archives where task_id = any($1::uuid[])',
    [taskIds],
  );
  return new Map(rows.map((r) => [r.task_id as string, r as ArchiveRow]));
}

function summaryOf(run: Run, steps: StepRow[], archive: ArchiveRow | null): RunSummary {
  const imports = steps.find((s) => s.step === 'import');
  return {
    id: run.id,
    revision: run.revision,
    workflow: run.workflow,
    workflowVersion: run.workflowVersion,
    user: run.user.name,
    group: run.group.name,
    input: run.input,
    destination: run.destination,
    jobId: run.job?.id ?? null,
    state: stateOf(run),
    status: run.status,
    sentence: runSentence(run, steps, archive),
    launchedAt: run.launchedAt.toISOString(),
    endedAt: run.endedAt?.toISOString() ?? null,
    updatedAt: run.updatedAt.toISOString(),
    recipe: run.recipe,
    steps: stepNames.map((name) => ({ name, state: steps.find((s) => s.step === name)?.state ?? 'waiting' })),
    archiveSafe: archive?.kept ?? false,
    imagesFound: imports?.filesDone ?? 0,
    imagesTotal: imports?.filesTotal ?? null,
  };
}

function stateOf(run: Run): RunState {
  if (run.outcome === 'failed' && run.abandoned) return 'given-up';
  if (run.outcome) return run.outcome;
  return run.attention ? 'attention' : 'running';
}

function stepView(name: StepView['name'], steps: StepRow[]): StepView {
  const s = steps.find((row) => row.step === name);
  return {
    name,
    state: s?.state ?? 'waiting',
    attempt: s?.attempt ?? 0,
    startedAt: s?.startedAt?.toISOString() ?? null,
    endedAt: s?.endedAt?.toISOString() ?? null,
    filesDone: s?.filesDone ?? null,
    filesTotal: s?.filesTotal ?? null,
    bytesDone: s?.bytesDone ?? null,
    bytesTotal: s?.bytesTotal ?? null,
    detail: s?.detail ?? '',
  };
}

function failureView(run: Run, archive: ArchiveRow | null): FailureView | null {
  if (!run.failure) return null;
  return {
    ...run.failure,
    at: run.failure.at.toISOString(),
    safe: whatIsSafe(run, archive),
    repeatable: mayBeRepeated(run.failure),
  };
}

function whatIsSafe(run: Run, archive: ArchiveRow | null): string {
  if (archive?.kept)
    return `Your results are safe: ${archive.files} files are archived and verified in ${archive.path}.`;
  if (run.job) return `The results are still on the cluster, in ${run.dataPath}; nothing was removed there.`;
  return 'Your images in OMERO were not changed.';
}

function resultsOf(
  archive: ArchiveRow,
  files: ArchiveFileRow[],
  imports: Map<string, FileResult>,
  completed: boolean,
  labels: boolean,
  toImport: boolean,
): ResultView[] {
  const images = orderedOf(archive.path, files, labels);
  const rows: ResultView[] = files
    .filter((f) => !images.some((i) => i.members.has(f.path)))
    .map((f) => ({ ...f, import: 'none', filesetId: null, imageIds: [], plateIds: [], error: null }));
  for (const image of images) {
    const result = imports.get(image.absolute);
    rows.push({
      path: image.path,
      bytes: image.bytes,
      sha256: image.sha256,
      kind: 'image',
      // An importer that keeps no results per file (the Python one) still tells that the whole order is complete.
      import: result ? result.state : completed ? 'imported' : toImport ? 'waiting' : 'none',
      filesetId: result?.filesetId ?? null,
      imageIds: result?.imageIds ?? [],
      plateIds: result?.plateIds ?? [],
      error: result?.error ?? null,
    });
  }
  return rows.sort((a, b) => Number(b.kind === 'image') - Number(a.kind === 'image') || (a.path < b.path ? -1 : 1));
}
