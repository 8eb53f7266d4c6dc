import { statuses } from '../domain/vocabulary.ts';
import type { Run } from '../runs/run.ts';
import type { CommandResult } from '../tracking/command-result.ts';
import { importTaskOf } from './import-task.ts';

/**
 * Rows of `metadata.csv`, with the keys that BIOMERO's scripts write, so that an importer's `csv_*` annotations are the
 * same whoever archived the results.
 *
 * @param results what the log has of the analysis task: the command that submitted its job
 */
export function metadataOf(run: Run, results: readonly CommandResult[]): [string, string][] {
  const jobId = String(run.job?.id ?? '');
  const task = `Task_${run.workflow}_`;
  return [
    ['Job_ID', jobId],
    ['Import_Type', 'SLURM_Results'],
    ['Import_User', run.user.name],
    ['Import_Group', run.group.name],
    ['Workflow_ID', run.workflowId],
    ['Workflow_Name', run.workflow],
    ['Workflow_Version', run.workflowVersion],
    ['Workflow_Created_On', run.launchedAt.toISOString()],
    ['Workflow_Modified_On', (run.job?.endedAt ?? run.launchedAt).toISOString()],
    ['Workflow_Task_IDs', [run.workflowTaskId, run.taskId].join(', ')],
    [`${task}ID`, run.workflowTaskId],
    [`${task}Name`, run.workflow],
    [`${task}Version`, run.workflowVersion],
    [`${task}Status`, run.job?.state ?? ''],
    [`${task}Input_Data`, inputText(run)],
    [`${task}Job_IDs`, jobId],
    ...parameterRows(run.parameters, `${task}Param_`),
    [`${task}Job_${jobId}_Result_Message`, resultMessage(run)],
    ...commandRows(results, `${task}Job_${jobId}_`),
    ...importTaskRows(run),
  ];
}

/** The task that archives, as it is while it does; what Python gave its own task is in Python's log alone. */
function importTaskRows(run: Run): [string, string][] {
  const { name, version, inputData, params } = importTaskOf(run);
  const task = `Task_${name}_`;
  const rows: [string, string][] = [
    [`${task}ID`, run.taskId],
    [`${task}Name`, name],
    [`${task}Version`, version],
    [`${task}Status`, statuses.retrieving],
  ];
  if (run.orchestratedBy === 'python') return rows;
  const ids = inputData.IDs.length > 0 ? JSON.stringify(inputData) : '';
  return [...rows, [`${task}Input_Data`, ids], [`${task}Job_IDs`, ''], ...parameterRows(params, `${task}Param_`)];
}

/** BIOMERO's map annotations on every imported image: namespace, the key that identifies one, and its pairs. */
export function annotationsOf(
  run: Run,
  results: readonly CommandResult[],
): { namespace: string; key: string; pairs: [string, string][] }[] {
  const jobId = String(run.job?.id ?? '');
  const taskNamespace = `biomero/workflow/task/${run.workflow}`;
  return [
    {
      namespace: 'biomero/workflow',
      key: 'Workflow_ID',
      pairs: [
        ['Workflow_ID', run.workflowId],
        ['Name', run.workflow],
        ['Version', run.workflowVersion],
        ['Created_On', run.launchedAt.toISOString()],
        ['Modified_On', (run.job?.endedAt ?? run.launchedAt).toISOString()],
        ['Task_IDs', [run.workflowTaskId, run.taskId].join(', ')],
      ],
    },
    {
      namespace: taskNamespace,
      key: 'Task_ID',
      pairs: [
        ['Task_ID', run.workflowTaskId],
        ['Workflow_ID', run.workflowId],
        ['Workflow_Name', run.workflow],
        ['Name', run.workflow],
        ['Version', run.workflowVersion],
        ['Created_On', run.launchedAt.toISOString()],
        ['Modified_On', (run.job?.endedAt ?? run.launchedAt).toISOString()],
        ['Status', run.job?.state ?? ''],
        ['Input_Data', inputText(run)],
        ['Job_IDs', jobId],
        ...parameterRows(run.parameters, 'Param_'),
      ],
    },
    {
      namespace: `${taskNamespace}/job`,
      key: 'Job_ID',
      pairs: [
        ['Job_ID', jobId],
        ['Task_ID', run.workflowTaskId],
        ['Workflow_ID', run.workflowId],
        ['Result_Message', resultMessage(run)],
        ...commandRows(results, ''),
      ],
    },
  ];
}

/** Of a job that was put in more than once the last command counts. */
function commandRows(results: readonly CommandResult[], prefix: string): [string, string][] {
  const last = results.at(-1);
  if (!last) return [];
  const env = Object.entries(last.env).map(([name, value]): [string, string] => [`${prefix}Env_${name}`, value]);
  return [[`${prefix}Command`, last.command], ...env];
}

function resultMessage(run: Run): string {
  return `${run.job?.state ?? ''} ${run.job?.exit ?? ''}`.trim();
}

function parameterRows(parameters: Run['parameters'], prefix: string): [string, string][] {
  return Object.entries(parameters).map(([name, value]) => [
    `${prefix}${name}`,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
}

/** What was analysed: a dataset, or images. */
function inputText(run: Run): string {
  if (run.inputImages) return run.inputImages.map((id) => `Image:${id}`).join(', ');
  return run.input ? `${run.input.type}:${run.input.id}` : '';
}
