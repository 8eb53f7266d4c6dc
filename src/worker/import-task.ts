import { importTaskNames } from '../domain/vocabulary.ts';
import { productVersion } from '../lib/product-version.ts';
import type { Run } from '../runs/run.ts';

/** What BIOMERO's log and `metadata.csv` have of the import task of a run that we orchestrate. */
export function importTaskOf(run: Run): {
  name: string;
  version: string;
  /** OMERO ids of what was analysed. */
  inputData: { IDs: readonly number[] };
  params: Record<string, string>;
} {
  return {
    name: importTaskNames[run.recipe],
    version: productVersion,
    inputData: { IDs: run.inputImages ?? (run.input ? [run.input.id] : []) },
    params: { 'SLURM Job Id': String(run.job?.id ?? ''), workflow_uuid: run.workflowId },
  };
}
