import type { Logger } from 'pino';
import type { z } from 'zod';
import type { WorkflowConfig } from '../../config/config.ts';
import { bridgeError, describeError } from '../../domain/errors.ts';
import { findInput } from '../../runs/find-input.ts';
import type { ImportJobContext } from '../../runs/import-job.ts';
import {
  chosenRecipe,
  launchRun,
  prepareLaunch,
  versionOf,
  workflowNamed,
  type LaunchRequest,
} from '../../runs/launch.ts';
import { preflightGroup, type GroupPreflight } from '../../runs/preflight-group.ts';
import { readRun } from '../../runs/read-runs.ts';
import { loadDescriptor } from '../../workflows/load-descriptor.ts';
import type { WorkflowDescriptor } from '../../workflows/descriptor.ts';
import { maySee } from '../identity/rights.ts';
import type { Viewer } from '../identity/viewer.ts';
import type { Route } from '../route.ts';
import { startBody, startCheck, started, workflowList, workflowView } from '../schemas/start.ts';
import { bodyOf } from './request.ts';

type Summary = z.infer<typeof workflowList>['workflows'][number];

/** Starting a run: the workflows there are, what a run would be, and the run. */
export function startRoutes({ site, log }: { site: ImportJobContext; log: Logger }): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/workflows',
      rule: 'signed-in',
      api: { summary: 'The workflows that can be started.', answer: workflowList },
      handle: async ({ c }) => {
        const all = Object.values(site.config.slurm.workflows);
        return c.json({ workflows: await Promise.all(all.map(async (w) => (await describe(site, w)).summary)) });
      },
    },
    {
      method: 'GET',
      path: '/api/workflows/:name',
      rule: 'signed-in',
      api: { summary: 'One workflow with its parameters.', answer: workflowView },
      handle: async ({ c }) => {
        const { summary, descriptor } = await describe(site, workflowNamed(site.config, c.req.param('name') ?? ''));
        // How a value is handed to the program is nothing that a form needs: the schema leaves it out.
        const described = { described: descriptor !== null, parameters: descriptor?.parameters ?? [] };
        return c.json(workflowView.parse({ ...summary, ...described }));
      },
    },
    {
      // Not GET: whether results can be stored is found by writing.
      method: 'POST',
      path: '/api/runs/check',
      rule: 'signed-in',
      api: {
        summary: 'What a run would be, and where its results would go; refused as starting it would be.',
        body: startBody,
        answer: startCheck,
      },
      handle: async ({ c, viewer }) => {
        const request = await requestOf(site, viewer, await bodyOf(c, startBody));
        const { workflow, version, parameters, input } = await prepareLaunch(site.config, site.omero, request);
        return c.json({
          workflow: workflow.name,
          version,
          dataset: { id: input.dataset.id, name: input.dataset.name },
          images: input.images.length,
          user: request.userName,
          group: request.groupName,
          parameters,
          storage: await preflight(site, request, log),
        });
      },
    },
    {
      method: 'POST',
      path: '/api/runs',
      rule: 'signed-in',
      api: { summary: 'Starts a run; a worker does the rest.', body: startBody, answer: started, status: 201 },
      handle: async ({ c, viewer }) => {
        const body = await bodyOf(c, startBody);
        const before = body.id === undefined ? null : await readRun(site.runs, body.id);
        if (before && !maySee(viewer, before)) throw bridgeError('RUN_NOT_FOUND', { run: before.id });
        if (before) return c.json({ id: before.id }, 201);
        const request = await requestOf(site, viewer, body);
        await preflight(site, request, log);
        const name = request.userName === viewer.name ? '' : `, in the name of ${request.userName}`;
        const reason = `${request.workflow} on dataset ${request.datasetId}${name}`;
        const start = { ...request, startedBy: { who: viewer.name, reason } };
        return c.json({ id: await launchRun(site.config, site.runs, site.omero, start, body.id) }, 201);
      },
    },
  ];
}

async function describe(
  site: ImportJobContext,
  workflow: WorkflowConfig,
): Promise<{ summary: Summary; descriptor: WorkflowDescriptor | null }> {
  let [descriptor, problem]: [WorkflowDescriptor | null, string | null] = [null, null];
  try {
    descriptor = (await loadDescriptor(workflow, site.config.descriptors))?.descriptor ?? null;
  } catch (error) {
    problem = describeError(error);
  }
  const summary = {
    name: workflow.name,
    version: versionOf(workflow, descriptor),
    title: descriptor?.name ?? workflow.name,
    description: descriptor?.description ?? '',
    problem,
  };
  return { summary, descriptor };
}

async function requestOf(
  site: ImportJobContext,
  viewer: Viewer,
  { workflow, dataset, images, parameters }: z.infer<typeof startBody>,
): Promise<LaunchRequest> {
  workflowNamed(site.config, workflow);
  const found = await findInput(site.omero, viewer, { dataset: dataset ?? null, images: images ?? null });
  return {
    workflow,
    datasetId: found.datasetId,
    imageIds: found.imageIds,
    userName: found.user,
    groupName: found.group,
    parameters,
  };
}

/** Results of the classic way go into OMERO, and need no folder. */
async function preflight(
  site: ImportJobContext,
  { groupName, userName }: LaunchRequest,
  log: Logger,
): Promise<(GroupPreflight & { ok: true }) | null> {
  if (chosenRecipe(site.config) !== 'import-results') return null;
  return { ok: true, ...(await preflightGroup(site, { group: groupName, user: userName }, log)) };
}
