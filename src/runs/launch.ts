import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { importTaskNames, statuses, stepNames, type Recipe } from '../domain/vocabulary.ts';
import type { Pool } from '../lib/database.ts';
import type { OmeroAccess } from '../omero/access.ts';
import { insertRun } from './write-run.ts';

export interface LaunchRequest {
  workflow: string;
  datasetId: number;
  userName: string;
  groupName: string;
  parameters: Record<string, unknown>;
}

/** The recipe that new import tasks follow: chosen by `IMPORTER_ENABLED`, fixed for a run once it is launched. */
export function chosenRecipe(config: Config): Recipe {
  return config.importerEnabled ? 'import-results' : 'get-results';
}

/**
 * Checks a request against configuration and OMERO and stores the new run; a worker does the rest.
 *
 * @param id the run's id when the caller has one; a run that stands under it already is left as it is
 * @returns the run's id
 * @throws WORKFLOW_UNKNOWN, RECIPE_NOT_BUILT, INPUT_NOT_FOUND, INPUT_EMPTY and what signing in may throw
 */
export async function launchRun(
  config: Config,
  pool: Pool,
  omero: OmeroAccess,
  request: LaunchRequest,
  id: string = randomUUID(),
): Promise<string> {
  const workflow = config.slurm.workflows[request.workflow];
  if (!workflow)
    throw bridgeError('WORKFLOW_UNKNOWN', {
      workflow: request.workflow,
      known: Object.keys(config.slurm.workflows).join(', ') || 'none',
    });
  const recipe = chosenRecipe(config);
  if (recipe !== 'import-results') throw bridgeError('RECIPE_NOT_BUILT', { task: importTaskNames[recipe] });

  const input = await omero.as(request.userName, request.groupName, async (session) => {
    const dataset = await session.findContainer('Dataset', request.datasetId);
    if (!dataset || dataset.groupId !== session.context.groupId)
      throw bridgeError('INPUT_NOT_FOUND', {
        id: request.datasetId,
        group: request.groupName,
        user: request.userName,
      });
    const images = await session.imagesIn(dataset.id);
    if (images.length === 0) throw bridgeError('INPUT_EMPTY', { id: dataset.id, name: dataset.name });
    return { dataset, context: session.context };
  });

  await insertRun(
    pool,
    {
      id,
      taskId: randomUUID(),
      workflowTaskId: randomUUID(),
      workflow: workflow.name,
      workflowVersion: versionOf(workflow.repository),
      parameters: request.parameters,
      recipe,
      user: { id: input.context.userId, name: input.context.userName },
      group: { id: input.context.groupId, name: input.context.groupName },
      input: { type: 'Dataset', id: input.dataset.id, name: input.dataset.name },
      dataPath: `${config.slurm.dataPath}/${workflow.name}_${id}`,
      status: statuses.initializing,
    },
    stepNames,
  );
  return id;
}

/** The version a workflow's repository address names (`…/tree/v1.0.0`), else `latest`, as BIOMERO calls it. */
function versionOf(repository: string | null): string {
  const ref = /\/tree\/([^/]+)/.exec(repository ?? '')?.[1];
  return ref === undefined || ref === 'master' ? 'latest' : ref;
}
