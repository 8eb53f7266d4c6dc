/**
 * `ro-crate-metadata.json`: where the results came from, as an RO-Crate 1.1 with one action in the manner of the Process
 * Run Crate. Written for machines far in the future; for us it also tells whose archive a folder is.
 */
import { imageOf, kindOf, type FileKind } from './image-selection.ts';

export const provenanceName = 'ro-crate-metadata.json';

export interface Provenance {
  workflowId: string;
  /** The import task. */
  taskId: string;
  workflow: string;
  workflowVersion: string;
  parameters: Record<string, unknown>;
  jobId: number;
  user: string;
  group: string;
  input: { type: string; id: number; name: string } | null;
  startedAt: Date;
  endedAt: Date | null;
}

type Entity = { '@id': string; '@type': string | string[] } & Record<string, unknown>;

/** The crate's text. `files`: every file of the archive with its path and size; `archivedAt` is when it was made. */
export function writeProvenance(
  provenance: Provenance,
  files: readonly { path: string; bytes: number }[],
  archivedAt: Date,
): string {
  const p = provenance;
  const data = dataEntities(files);
  const results = data.filter((e) => e.result).map((e) => ({ '@id': e.entity['@id'] }));
  const parameters = Object.entries(p.parameters).map(([name, value], index): Entity => ({
    '@id': `#parameter-${index + 1}`,
    '@type': 'PropertyValue',
    name,
    value: typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value ?? null),
  }));
  const input: Entity[] = p.input
    ? [
        {
          '@id': `#omero-${p.input.type}-${p.input.id}`,
          '@type': 'Dataset',
          name: p.input.name,
          identifier: `${p.input.type}:${p.input.id}`,
        },
      ]
    : [];
  const action: Entity = {
    '@id': taskEntityId(p.taskId),
    '@type': 'CreateAction',
    name: `${p.workflow}, Slurm job ${p.jobId}`,
    identifier: [`slurm-job:${p.jobId}`, taskEntityId(p.taskId), `urn:uuid:${p.workflowId}`],
    instrument: { '@id': '#workflow' },
    agent: { '@id': '#user' },
    object: [...input, ...parameters].map((e) => ({ '@id': e['@id'] })),
    result: results,
    startTime: p.startedAt.toISOString(),
    ...(p.endedAt ? { endTime: p.endedAt.toISOString() } : {}),
    actionStatus: { '@id': 'http://schema.org/CompletedActionStatus' },
  };
  const graph: Entity[] = [
    {
      '@id': provenanceName,
      '@type': 'CreativeWork',
      conformsTo: { '@id': 'https://w3id.org/ro/crate/1.1' },
      about: { '@id': './' },
    },
    {
      '@id': './',
      '@type': 'Dataset',
      name: `Results of ${p.workflow}, job ${p.jobId}`,
      description: `Results of workflow run ${p.workflowId} (${p.workflow} ${p.workflowVersion}), run by ${p.user} in group ${p.group}.`,
      identifier: `urn:uuid:${p.workflowId}`,
      datePublished: archivedAt.toISOString(),
      conformsTo: { '@id': 'https://w3id.org/ro/wfrun/process/0.5' },
      hasPart: data.map((e) => ({ '@id': e.entity['@id'] })),
      mentions: { '@id': action['@id'] },
    },
    {
      '@id': 'https://w3id.org/ro/wfrun/process/0.5',
      '@type': 'CreativeWork',
      name: 'Process Run Crate',
      version: '0.5',
    },
    action,
    { '@id': '#workflow', '@type': 'SoftwareApplication', name: p.workflow, version: p.workflowVersion },
    { '@id': '#user', '@type': 'Person', name: p.user, affiliation: { '@id': '#group' } },
    { '@id': '#group', '@type': 'Organization', name: p.group },
    ...input,
    ...parameters,
    ...data.map((e) => e.entity),
  ];
  const crate = { '@context': 'https://w3id.org/ro/crate/1.1/context', '@graph': graph };
  return `${JSON.stringify(crate, null, 2)}\n`;
}

/** True when the text is the provenance of this import task's archive. */
export function belongsToTask(text: string, taskId: string): boolean {
  try {
    const crate: unknown = JSON.parse(text);
    const graph = (crate as { '@graph'?: unknown })['@graph'];
    return (
      Array.isArray(graph) &&
      graph.some((e: Entity | null) => e?.['@type'] === 'CreateAction' && e['@id'] === taskEntityId(taskId))
    );
  } catch {
    return false;
  }
}

function taskEntityId(taskId: string): string {
  return `urn:uuid:${taskId.toLowerCase()}`;
}

/** One entity per file, but one for a whole `.zarr`: its chunks may be hundreds of thousands. */
function dataEntities(files: readonly { path: string; bytes: number }[]): { entity: Entity; result: boolean }[] {
  const entities = new Map<string, { entity: Entity; result: boolean }>();
  for (const { path, bytes } of files) {
    const [, root = '', inside = ''] = /^([^/]+_out\/data\/out\/)(.+)$/s.exec(path) ?? [];
    const image = inside ? imageOf(inside) : null;
    const result = inside !== '';
    const folder = image !== null && image !== inside;
    const id = folder ? `${encodePath(root + image)}/` : encodePath(path);
    const known = entities.get(id);
    if (known) {
      known.entity['contentSize'] = String(Number(known.entity['contentSize']) + bytes);
      continue;
    }
    const format = folder ? undefined : formatOf(path, kindOf(path));
    entities.set(id, {
      entity: {
        '@id': id,
        '@type': folder ? 'Dataset' : 'File',
        name: folder ? image : inside || path,
        contentSize: String(bytes),
        ...(format === undefined ? {} : { encodingFormat: format }),
      },
      result,
    });
  }
  return [...entities.values()];
}

function formatOf(path: string, kind: FileKind): string | undefined {
  const name = path.toLowerCase();
  if (name.endsWith('.tif') || name.endsWith('.tiff')) return 'image/tiff';
  if (name.endsWith('.png')) return 'image/png';
  if (name.endsWith('.csv')) return 'text/csv';
  if (name.endsWith('.zip')) return 'application/zip';
  return kind === 'log' ? 'text/plain' : undefined;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
