import { jobLogName } from '../../domain/vocabulary.ts';
import { z } from 'zod';
import { bridgeError } from '../../domain/errors.ts';
import { abandonRun } from '../../runs/abandon.ts';
import { compareWithLastGood } from '../../runs/compare.ts';
import { countRuns, findVisibleRuns, readRunNames, runStates, type RunFilter } from '../../runs/list-runs.ts';
import { readRunView, summariesOf, type ViewSources } from '../../runs/read-view.ts';
import { retryRun } from '../../runs/retry.ts';
import type { Slurm } from '../../slurm/slurm.ts';
import { visibleRuns } from '../identity/rights.ts';
import { openWholeLog, readLogPiece } from '../job-log.ts';
import type { Route, Signed } from '../route.ts';
import { seenBy } from '../seen-run.ts';
import { bodyOf, textOf, uuidPattern, wordsOf } from './request.ts';
import { reasonBody } from '../schemas/common.ts';
import {
  comparison,
  logPiece,
  logQuery,
  runCounts,
  runFilterQuery,
  runNames,
  runPage,
  runView,
} from '../schemas/runs.ts';

const pageSize = 50;

export interface RunsParts {
  sources: ViewSources;
  slurm: Slurm;
}

/** The runs: reading, and the changes that people ask for. Each change is kept in the audit with name and reason. */
export function runRoutes({ sources, slurm }: RunsParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/runs',
      rule: 'signed-in',
      api: {
        summary: 'Runs that one may see, newest first, 50 at a time.',
        query: runFilterQuery.extend({
          cursor: z.string().optional().meta({ description: '`next` of the page before' }),
        }),
        answer: runPage,
      },
      handle: async (on) => {
        const filter = filterOf(on);
        const runs = await findVisibleRuns(sources.runs, filter, pageSize + 1, readCursor(on.c.req.query('cursor')));
        const page = runs.slice(0, pageSize);
        const last = runs.length > pageSize ? page.at(-1) : undefined;
        return on.c.json({
          runs: await summariesOf(sources.runs, page),
          next: last?.id ?? null,
        });
      },
    },
    {
      method: 'GET',
      path: '/api/runs/counts',
      rule: 'signed-in',
      api: { summary: 'How many of these runs are in each state.', query: runFilterQuery, answer: runCounts },
      handle: async (on) => on.c.json(await countRuns(sources.runs, { ...filterOf(on), states: null })),
    },
    {
      method: 'GET',
      path: '/api/runs/names',
      rule: 'signed-in',
      api: { summary: 'Groups, users and workflows among the runs that one may see.', answer: runNames },
      handle: async ({ c, viewer }) => c.json(await readRunNames(sources.runs, visibleRuns(viewer))),
    },
    {
      method: 'GET',
      path: '/api/runs/:id',
      rule: 'see-run',
      shared: true,
      api: { summary: 'One run.', answer: runView },
      handle: async ({ c, run, viewer }) => {
        const view = await readRunView(sources, run.id);
        if (!view) throw bridgeError('RUN_NOT_FOUND', { run: run.id });
        return c.json(seenBy(viewer, view));
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/comparison',
      rule: 'see-run',
      api: {
        summary: 'The run beside the last one of its workflow that ended well before it.',
        answer: comparison,
      },
      handle: async ({ c, run, viewer }) => c.json(await compareWithLastGood(sources.runs, run, visibleRuns(viewer))),
    },
    {
      method: 'GET',
      path: '/api/runs/:id/log',
      rule: 'see-run',
      shared: true,
      api: { summary: "A piece of the job's log from a byte offset.", query: logQuery, answer: logPiece },
      handle: async ({ c, run }) => {
        return c.json(await readLogPiece(sources.runs, slurm, run, readOffset(c.req.query('from'))));
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/log/download',
      rule: 'see-run',
      shared: true,
      api: { summary: 'The whole log of the job.', answer: 'text/plain' },
      handle: async ({ c, run }) => {
        const log = await openWholeLog(sources.runs, slurm, run);
        // Text of a job is text, whatever it holds: a browser must neither run nor show it.
        c.header('content-type', 'text/plain; charset=utf-8');
        c.header('content-disposition', `attachment; filename="${jobLogName(run.job?.id ?? 0)}"`);
        return c.body(log);
      },
    },
    {
      method: 'POST',
      path: '/api/runs/:id/retry',
      rule: 'change-run',
      api: { summary: 'Opens a failed run again from the step that failed.', answer: null },
      handle: async ({ c, run, viewer }) => {
        await retryRun(sources, run.id, viewer.name);
        return c.body(null, 204);
      },
    },
    {
      method: 'POST',
      path: '/api/runs/:id/abandon',
      rule: 'change-run',
      api: {
        summary: 'Gives a run up: its job and open orders are cancelled, and it has failed for good.',
        body: reasonBody,
        answer: null,
      },
      handle: async ({ c, run, viewer }) => {
        const { reason } = await bodyOf(c, reasonBody);
        await abandonRun(sources.runs, run.id, viewer.name, reason);
        return c.body(null, 204);
      },
    },
  ];
}

function filterOf({ c, viewer }: Signed): RunFilter {
  return {
    visible: visibleRuns(viewer),
    states: wordsOf(c, 'state', runStates),
    group: textOf(c, 'group'),
    user: textOf(c, 'user'),
    workflow: textOf(c, 'workflow'),
    text: textOf(c, 'text'),
  };
}

function readCursor(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (!uuidPattern.test(text))
    throw bridgeError('REQUEST_INVALID', { reason: 'cursor is not one that this server gave' });
  return text;
}

function readOffset(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw bridgeError('REQUEST_INVALID', { reason: 'from is not a number of bytes' });
  return Number(text);
}
