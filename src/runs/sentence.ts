import { restoredFromArchive, stepNames } from '../domain/vocabulary.ts';
import type { Run } from './run.ts';
import type { ArchiveRow, StepRow } from './read-runs.ts';

/**
 * The run's status as one sentence, in the order of people's questions: are the results safe, are they in OMERO, what
 * happens now.
 */
export function runSentence(run: Run, steps: StepRow[], archive: ArchiveRow | null): string {
  const clauses = [archiveClause(run, steps, archive), omeroClause(run, steps, archive)].filter((c) => c !== null);
  const sentence = clauses.length ? `${capital(clauses.join('; '))}.` : '';
  if (run.failure && run.outcome === 'failed') return [sentence, run.failure.message].filter(Boolean).join(' ');
  if (run.attention && run.outcome === null)
    return [sentence, `Waiting: ${run.attention.detail}`].filter(Boolean).join(' ');
  return sentence;
}

function archiveClause(run: Run, steps: StepRow[], archive: ArchiveRow | null): string | null {
  if (archive) return `${archive.kept ? 'archived' : 'fetched'} ${archive.files} of ${archive.files} files`;
  const failed = run.outcome === 'failed';
  const step = find(steps, 'archive');
  if (step?.state === 'running' && !failed)
    return step.filesTotal === null
      ? 'bringing the results home'
      : `bringing the results home, ${step.filesDone ?? 0} of ${step.filesTotal} files`;
  if (failed) return run.recipe === 'get-results' ? 'nothing was fetched' : 'nothing was archived';
  if (run.job === null) return 'sending the images to the cluster';
  if (run.job.endedAt !== null) return `job ${run.job.id} ended; its results are next`;
  return `job ${run.job.id} is ${jobWord(run.job.state)}`;
}

function omeroClause(run: Run, steps: StepRow[], archive: ArchiveRow | null): string | null {
  if (!archive) return null;
  const step = find(steps, 'import');
  const place = run.destination ? `${run.destination.type.toLowerCase()} ${run.destination.id}` : 'OMERO';
  if (run.attention?.code === restoredFromArchive)
    return 'its records were restored from the archive, which does not tell what is in OMERO';
  if (run.outcome === 'done' && run.delivery?.importImages === false) return 'its images were not to be imported';
  if (run.outcome === 'done' && run.imagesConfirmedAt === null)
    return archive.kept
      ? 'no image is among the results, so there is nothing to import'
      : `no image is among them; they are attached to ${place}`;
  if (step?.filesTotal === null || step === undefined)
    return run.outcome ? null : archive.kept ? 'placing the upload order' : `uploading to ${place}`;
  const count = `${step.filesDone ?? 0} of ${step.filesTotal}`;
  const there = `${count} ${step.filesTotal === 1 ? 'image is' : 'images are'} in ${place}`;
  if (run.imagesConfirmedAt === null)
    return run.outcome === 'failed' ? there : `${archive.kept ? 'importing' : 'uploading'} ${count} into ${place}`;
  return run.annotatedAt === null && run.outcome === null ? `${there}, the origin is being noted on them` : there;
}

function jobWord(state: string | null): string {
  switch (state) {
    case null:
    case 'PENDING':
      return 'queued';
    case 'RUNNING':
      return 'running';
    case 'COMPLETING':
      return 'finishing';
    case 'SUSPENDED':
      return 'paused';
    default:
      return state.toLowerCase();
  }
}

function find(steps: StepRow[], name: (typeof stepNames)[number]): StepRow | undefined {
  return steps.find((s) => s.step === name);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
