import type { QueryResultRow } from 'pg';
import type { Database } from '../lib/database.ts';
import { stepNames } from '../domain/vocabulary.ts';
import { visibleCondition, type RunFilter } from './list-runs.ts';
import {
  readArchive,
  readArchiveFiles,
  readSteps,
  type ArchiveFileRow,
  type ArchiveRow,
  type StepRow,
} from './read-runs.ts';
import { runFromRow, type Run } from './run.ts';

/** One property of two runs. Figures come as numbers: `bytes`, or `ms` of time. */
export interface ComparedRow {
  name: string;
  about: 'version' | 'parameter' | 'count' | 'duration';
  unit: 'text' | 'number' | 'bytes' | 'ms';
  here: string | number | null;
  there: string | number | null;
  differs: boolean;
}

export interface Comparison {
  /** The run that this one is compared with; null when no run of the workflow ended well before it. */
  other: { id: string; launchedAt: Date; user: string; input: Run['input'] } | null;
  rows: ComparedRow[];
}

/** What of a run is compared. */
export interface ComparedRun {
  run: Run;
  steps: readonly StepRow[];
  archive: ArchiveRow | null;
  files: readonly ArchiveFileRow[];
}

/** Compares a run with the last one of its workflow that ended well before it, among those that somebody may see. */
export async function compareWithLastGood(db: Database, run: Run, visible: RunFilter['visible']): Promise<Comparison> {
  const other = await findLastGood(db, run, visible);
  if (!other) return { other: null, rows: [] };
  const steps = await readSteps(db, [run.id, other.id]);
  const [here, there] = await Promise.all(
    [run, other].map(async (one) => ({
      run: one,
      steps: steps.get(one.id) ?? [],
      archive: await readArchive(db, one.taskId),
      files: await readArchiveFiles(db, one.taskId),
    })),
  );
  if (!here || !there) return { other: null, rows: [] };
  const { id, launchedAt, user, input } = other;
  return { other: { id, launchedAt, user: user.name, input }, rows: compareRuns(here, there) };
}

async function findLastGood(db: Database, run: Run, visible: RunFilter['visible']): Promise<Run | null> {
  const values: unknown[] = [run.workflow, run.launchedAt, run.id];
  const { rows } = await db.query<QueryResultRow>(
    `select * from bridge.runs
     where workflow = $1 and outcome = 'done' and launched_at < $2 and id <> $3 and ${visibleCondition(visible, values)}
     order by launched_at desc, id desc limit 1`,
    values,
  );
  return rows[0] ? runFromRow(rows[0]) : null;
}

/** Property by property; pure. */
export function compareRuns(here: ComparedRun, there: ComparedRun): ComparedRow[] {
  const both = (of: (one: ComparedRun) => string | number | null): [string | number | null, string | number | null] => [
    of(here),
    of(there),
  ];
  const row = (
    name: string,
    about: ComparedRow['about'],
    unit: ComparedRow['unit'],
    of: (one: ComparedRun) => string | number | null,
  ): ComparedRow => {
    const [h, t] = both(of);
    return { name, about, unit, here: h, there: t, differs: about === 'duration' ? longer(h, t) : h !== t };
  };
  return [
    row('Version', 'version', 'text', (one) => one.run.workflowVersion),
    row('Container', 'version', 'text', (one) => one.run.container),
    row('Recipe', 'version', 'text', (one) => one.run.recipe),
    row('Input', 'version', 'text', ({ run }) => run.input && `${run.input.type} ${run.input.id}, ${run.input.name}`),
    ...parameterNames(here.run, there.run).map((name) =>
      row(name, 'parameter', 'text', (one) => parameterText(one.run.parameters[name])),
    ),
    row('Input files', 'count', 'number', (one) => stepOf(one, 'submit')?.filesTotal ?? null),
    row('Archived files', 'count', 'number', (one) => one.archive?.files ?? null),
    row('Size of the archive', 'count', 'bytes', (one) => one.archive?.bytes ?? null),
    row('Images', 'count', 'number', (one) => (one.archive ? countKind(one, 'image') : null)),
    row('Tables', 'count', 'number', (one) => (one.archive ? countKind(one, 'table') : null)),
    row('Images in OMERO', 'count', 'number', (one) => stepOf(one, 'import')?.filesDone ?? null),
    ...stepNames.map((step) => row(`Step ${step}`, 'duration', 'ms', (one) => durationOf(stepOf(one, step)))),
  ];
}

/** Times always differ: told is what took half again as long, and seconds longer, or that much less. */
function longer(here: string | number | null, there: string | number | null): boolean {
  if (typeof here !== 'number' || typeof there !== 'number') return here !== there;
  return Math.abs(here - there) > 5_000 && Math.max(here, there) > 1.5 * Math.min(here, there);
}

function parameterNames(here: Run, there: Run): string[] {
  return [...new Set([...Object.keys(here.parameters), ...Object.keys(there.parameters)])].sort();
}

function parameterText(value: unknown): string | null {
  return value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
}

function stepOf(one: ComparedRun, step: StepRow['step']): StepRow | undefined {
  return one.steps.find((s) => s.step === step);
}

function durationOf(step: StepRow | undefined): number | null {
  return step?.startedAt && step.endedAt ? step.endedAt.getTime() - step.startedAt.getTime() : null;
}

function countKind(one: ComparedRun, kind: ArchiveFileRow['kind']): number {
  return one.files.filter((f) => f.kind === kind).length;
}
