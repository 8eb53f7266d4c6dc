import type { Logger } from 'pino';
import { bridgeError, isBridgeError } from '../../domain/errors.ts';
import { importJob, type ImportJobContext, type ImportJobRequest } from '../../runs/import-job.ts';
import { newestRunOfJob, runOfTask } from '../../runs/read-cluster-data.ts';
import { readRunView, type ViewSources } from '../../runs/read-view.ts';
import { readRun } from '../../runs/read-runs.ts';
import { insertAudit } from '../../runs/write-run.ts';
import { preflightGroup } from '../../runs/preflight-group.ts';
import type { z } from 'zod';
import type { Route } from '../route.ts';
import { importBody, importState, preflightAnswer, preflightBody } from '../schemas/imports.ts';
import { bodyOf, runIdOf } from './request.ts';

export interface ImportsParts {
  sources: ViewSources;
  site: ImportJobContext;
  log: Logger;
}

/** How another program hands a job over, and asks what became of it. */
export function importRoutes({ sources, site, log }: ImportsParts): Route[] {
  const underWay = new Map<number, Promise<unknown>>();
  return [
    {
      method: 'POST',
      path: '/api/imports',
      rule: 'admin',
      scope: 'import',
      api: {
        summary: 'Hands a job over: its results are archived and imported. 200 when this job is a run here already.',
        body: importBody,
        answer: importState,
        status: 201,
      },
      handle: async ({ c, viewer }) => {
        const { job, workflow, task, destination, delivery, user, group, cleanup, ended } = await bodyOf(c, importBody);
        const request: ImportJobRequest = {
          jobId: job,
          workflowId: workflow ?? null,
          pythonTaskId: task ?? null,
          destination: destination ?? null,
          delivery: delivery ?? null,
          userName: user ?? null,
          groupName: group ?? null,
          cleanup,
          ended,
        };
        // One after the other: of two that hand over the same job, the second finds the run of the first.
        const before = underWay.get(job) ?? Promise.resolve();
        const mine = before.then(() => handOver(site, request));
        const settled = mine.catch(() => undefined);
        underWay.set(job, settled);
        void settled.then(() => underWay.get(job) === settled && underWay.delete(job));
        const { run, isNew } = await mine;
        if (isNew)
          await insertAudit(sources.runs, {
            who: viewer.name,
            action: 'import',
            runId: run,
            reason: `Slurm job ${job}, handed over`,
          });
        return c.json(await stateOf(sources, run), isNew ? 201 : 200);
      },
    },
    {
      method: 'POST',
      path: '/api/imports/preflight',
      rule: 'admin',
      scope: 'import',
      api: {
        summary: 'Whether results of a group could be stored, before any job exists. It writes what it removes again.',
        body: preflightBody,
        answer: preflightAnswer,
      },
      handle: async ({ c }) => {
        const { group, user } = await bodyOf(c, preflightBody);
        return c.json({ ok: true, ...(await preflightGroup(site, { group, user: user ?? null }, log)) });
      },
    },
    {
      method: 'GET',
      path: '/api/imports/:id',
      rule: 'admin',
      scope: 'import',
      api: { summary: 'What became of a job that was handed over, by the id of its run.', answer: importState },
      handle: async ({ c }) => c.json(await stateOf(sources, runIdOf(c.req.param('id')))),
    },
  ];
}

/** A job that is a run here already stays as it is. */
async function handOver(site: ImportJobContext, request: ImportJobRequest): Promise<{ run: string; isNew: boolean }> {
  const { pythonTaskId } = request;
  const handed = pythonTaskId === null ? null : await runOfTask(site.runs, pythonTaskId.toLowerCase());
  if (handed !== null) return { run: handed, isNew: false };
  // A task of Python's needs a run of its own: one that another task has does not do its work.
  if (pythonTaskId !== null) return { run: await importJob(site, request), isNew: true };
  const said = request.workflowId === null ? null : await readRun(site.runs, request.workflowId.toLowerCase());
  if (said?.job?.id === request.jobId) return { run: said.id, isNew: false };
  try {
    return { run: await importJob(site, request), isNew: true };
  } catch (error) {
    // A run that is done has had its log and its data removed from the cluster.
    const gone = isBridgeError(error, 'JOB_LOG_MISSING', 'JOB_UNKNOWN_HERE') && request.workflowId === null;
    const run = gone ? await newestRunOfJob(site.runs, request.jobId) : null;
    if (run !== null) return { run, isNew: false };
    if (!isBridgeError(error, 'JOB_ALREADY_OURS')) throw error;
    const ours = await readRun(site.runs, String(error.params['run']));
    // The workflow is ours, but for another job: nobody's results are mixed.
    if (ours?.job?.id !== request.jobId) throw error;
    return { run: ours.id, isNew: false };
  }
}

async function stateOf(sources: ViewSources, id: string): Promise<z.infer<typeof importState>> {
  const view = await readRunView(sources, id);
  if (!view) throw bridgeError('RUN_NOT_FOUND', { run: id });
  const run = await readRun(sources.runs, id);
  const { failure } = view;
  return {
    run: view.id,
    job: view.jobId,
    // For whoever handed the job over it has failed, whether or not somebody may still retry it.
    state: view.state === 'given-up' ? 'failed' : view.state,
    finished: view.endedAt !== null,
    status: view.status,
    message: view.sentence,
    archive: view.archive?.path ?? null,
    destination: view.destination,
    imagesFound: view.imagesFound,
    imagesTotal: view.imagesTotal,
    delivered: run?.delivered ?? null,
    error: failure && { code: failure.code, message: failure.message, remedy: failure.remedy, who: failure.who },
    page: `/runs/${view.id}`,
  };
}
