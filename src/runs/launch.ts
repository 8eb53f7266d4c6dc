import { randomUUID } from 'node:crypto';
import type { Config, WorkflowConfig } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { statuses, stepNames, type Recipe } from '../domain/vocabulary.ts';
import type { Pool } from '../lib/database.ts';
import type { OmeroAccess } from '../omero/access.ts';
import type { OmeroSession } from '../omero/session.ts';
import { checkNames, checkParameters, guessValue } from '../workflows/check-parameters.ts';
import { containerFile, type WorkflowDescriptor } from '../workflows/descriptor.ts';
import { loadDescriptor } from '../workflows/load-descriptor.ts';
import { insertRun } from './write-run.ts';

export interface LaunchRequest {
  workflow: string;
  datasetId: number;
  /** Some of its images; null or absent: all. */
  imageIds?: readonly number[] | null;
  userName: string;
  /** The user's active group; it stays the run's group whatever the user does afterwards. */
  groupName: string;
  /** Text is taken for whatever type the parameter has. */
  parameters: Record<string, unknown>;
  /** All values are text as a person typed it; without a descriptor they are taken for what they look like. */
  typed?: boolean;
  /** Who started it and on what, for the audit. */
  startedBy?: { who: string; reason: string };
}

/** The recipe that new import tasks follow: chosen by `IMPORTER_ENABLED`, fixed for a run once it is launched. */
export function chosenRecipe(config: Config): Recipe {
  return config.importerEnabled ? 'import-results' : 'get-results';
}

/** A configured workflow. @throws WORKFLOW_UNKNOWN */
export function workflowNamed(config: Config, name: string): WorkflowConfig {
  const { workflows } = config.slurm;
  const workflow = Object.hasOwn(workflows, name) ? workflows[name] : undefined;
  if (workflow) return workflow;
  throw bridgeError('WORKFLOW_UNKNOWN', { workflow: name, known: Object.keys(workflows).join(', ') || 'none' });
}

/**
 * Checks a request against configuration, descriptor and OMERO and stores the new run; a worker does the rest.
 *
 * @param id the run's id when the caller has one; a run that stands under it already is left as it is
 * @returns the run's id
 * @throws WORKFLOW_UNKNOWN, DESCRIPTOR_…, PARAMETER_INVALID, INPUT_NOT_FOUND, IMAGES_NOT_IN_DATASET, INPUT_EMPTY and
 *   what signing in may throw
 */
export async function launchRun(
  config: Config,
  pool: Pool,
  omero: OmeroAccess,
  request: LaunchRequest,
  id: string = randomUUID(),
): Promise<string> {
  const { workflow, version, descriptor, parameters, input } = await prepareLaunch(config, omero, request);
  await insertRun(
    pool,
    {
      id,
      taskId: randomUUID(),
      workflowTaskId: randomUUID(),
      workflow: workflow.name,
      workflowVersion: version,
      parameters,
      recipe: chosenRecipe(config),
      user: { id: input.context.userId, name: input.context.userName },
      group: { id: input.context.groupId, name: input.context.groupName },
      input: { type: 'Dataset', id: input.dataset.id, name: input.dataset.name },
      inputImages: request.imageIds ?? null,
      dataPath: `${config.slurm.dataPath}/${workflow.name}_${id}`,
      container: containerFile(descriptor?.image ?? null, version),
      cleanup: config.worker.cleanup ?? false,
      status: statuses.initializing,
      ...(request.startedBy ? { startedBy: request.startedBy } : {}),
    },
    stepNames,
  );
  return id;
}

export interface PreparedLaunch {
  workflow: WorkflowConfig;
  version: string;
  descriptor: WorkflowDescriptor | null;
  /** Checked and typed, with the defaults of those not given. */
  parameters: Record<string, unknown>;
  input: {
    dataset: { id: number; name: string };
    images: { id: number; name: string }[];
    context: OmeroSession['context'];
  };
}

/** Checks a request as `launchRun` does, and stores nothing. @throws as `launchRun` */
export async function prepareLaunch(
  config: Config,
  omero: OmeroAccess,
  request: LaunchRequest,
): Promise<PreparedLaunch> {
  const workflow = workflowNamed(config, request.workflow);
  const descriptor = (await loadDescriptor(workflow, config.descriptors))?.descriptor ?? null;
  const parameters = parametersOf(request, descriptor);
  const input = await omero.as(request.userName, request.groupName, async (session) => {
    const dataset = await session.findContainer('Dataset', request.datasetId);
    if (!dataset || dataset.groupId !== session.context.groupId)
      throw bridgeError('INPUT_NOT_FOUND', {
        id: request.datasetId,
        group: request.groupName,
        user: request.userName,
      });
    const all = await session.imagesIn(dataset.id);
    const chosen = request.imageIds ? new Set(request.imageIds) : null;
    const images = chosen ? all.filter((image) => chosen.has(image.id)) : all;
    const missing = [...(chosen ?? [])].filter((image) => !images.some((i) => i.id === image));
    if (missing.length > 0)
      throw bridgeError('IMAGES_NOT_IN_DATASET', { images: missing.slice(0, 20).join(', '), id: dataset.id });
    if (images.length === 0) throw bridgeError('INPUT_EMPTY', { id: dataset.id, name: dataset.name });
    return { dataset, images, context: session.context };
  });

  return { workflow, version: versionOf(workflow, descriptor), descriptor, parameters, input };
}

function parametersOf(request: LaunchRequest, descriptor: WorkflowDescriptor | null): Record<string, unknown> {
  if (descriptor) return checkParameters(descriptor, request.parameters);
  checkNames(request.parameters);
  if (!request.typed) return request.parameters;
  return Object.fromEntries(Object.entries(request.parameters).map(([name, text]) => [name, guessValue(String(text))]));
}

/**
 * The version that a workflow's repository address names (`…/tree/v1.0.0`), else its descriptor's; `latest`, as BIOMERO
 * calls it, where neither tells.
 */
export function versionOf(workflow: WorkflowConfig, descriptor: WorkflowDescriptor | null): string {
  const ref = /\/tree\/([^/]+)/.exec(workflow.repository ?? '')?.[1];
  if (ref === undefined) return (workflow.repository === null ? descriptor?.version : null) ?? 'latest';
  return ref === 'master' ? 'latest' : ref;
}
