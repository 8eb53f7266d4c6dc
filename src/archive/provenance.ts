/**
 * `ro-crate-metadata.json`: where the results came from, as an RO-Crate 1.1 with one action in the manner of the Process
 * Run Crate. Written for machines far in the future; for us it also tells whose archive a folder is.
 */
import { productVersion } from '../lib/product-version.ts';
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
  /** OMERO's ids of user and group. */
  userId?: number;
  groupId?: number;
  /** The analysis task in BIOMERO's log. */
  workflowTaskId?: string;
  /** Where the workflow's source is. */
  repository?: string | null;
  /** File name of the container image. */
  container?: string | null;
  /** Name of the cluster, and of the node where that is known. */
  cluster?: string;
  node?: string | null;
}

const analysisTask = 'biomero-task:';

type Entity = { '@id': string; '@type': string | string[] } & Record<string, unknown>;

/** The crate's text. `files`: every file of the archive with its path and size; `archivedAt` is when it was made. */
export function writeProvenance(
  provenance: Provenance,
  files: readonly { path: string; bytes: number }[],
  archivedAt: Date,
): string {
  const p = provenance;
  const data = dataEntities(files);
  const results = refs(data.filter((e) => e.result).map((e) => e.entity));
  const parameters = Object.entries(p.parameters).map(([name, value], index): Entity => ({
    '@id': `#parameter-${index + 1}`,
    '@type': 'PropertyValue',
    name,
    value: ['string', 'number', 'boolean'].includes(typeof value) ? value : JSON.stringify(value ?? null),
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
  const workflow: Entity = {
    '@id': p.repository ?? '#workflow',
    '@type': 'SoftwareApplication',
    name: p.workflow,
    version: p.workflowVersion,
    ...(p.repository ? { url: p.repository } : {}),
    ...(p.container ? { softwareRequirements: `container image ${p.container}` } : {}),
  };
  const action: Entity = {
    '@id': taskEntityId(p.taskId),
    '@type': 'CreateAction',
    name: `${p.workflow}, Slurm job ${p.jobId}`,
    description: `${p.workflow} ${p.workflowVersion} ran as Slurm job ${p.jobId} for ${p.user} in group ${p.group}.`,
    identifier: [
      `slurm-job:${p.jobId}`,
      taskEntityId(p.taskId),
      `urn:uuid:${p.workflowId}`,
      ...(p.workflowTaskId === undefined ? [] : [`${analysisTask}${p.workflowTaskId}`]),
    ],
    instrument: { '@id': workflow['@id'] },
    agent: { '@id': '#user' },
    object: refs([...input, ...parameters]),
    result: results,
    ...(p.cluster === undefined ? {} : { location: { '@id': '#cluster' } }),
    startTime: timeText(p.startedAt),
    ...(p.endedAt ? { endTime: timeText(p.endedAt) } : {}),
    actionStatus: 'http://schema.org/CompletedActionStatus',
  };
  const archiving: Entity = {
    '@id': '#archiving',
    '@type': 'CreateAction',
    name: 'Archiving',
    description: `The results were brought from the cluster, checked and archived by biomero-bridge ${productVersion}.`,
    instrument: { '@id': '#biomero-bridge' },
    agent: { '@id': '#user' },
    object: results,
    result: refs(data.map((e) => e.entity).filter((e) => e['@id'].endsWith('_out.zip'))),
    endTime: timeText(archivedAt),
    actionStatus: 'http://schema.org/CompletedActionStatus',
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
      datePublished: timeText(archivedAt),
      author: { '@id': '#user' },
      publisher: { '@id': '#group' },
      license: { '@id': '#license' },
      conformsTo: { '@id': 'https://w3id.org/ro/wfrun/process/0.5' },
      hasPart: refs(data.map((e) => e.entity)),
      mentions: refs([action, archiving]),
    },
    {
      '@id': 'https://w3id.org/ro/wfrun/process/0.5',
      '@type': 'CreativeWork',
      name: 'Process Run Crate',
      version: '0.5',
    },
    {
      '@id': '#license',
      '@type': 'CreativeWork',
      name: 'No licence chosen',
      description: `Nobody has chosen a licence for these results; the rights in them are with ${p.group}.`,
    },
    action,
    archiving,
    workflow,
    {
      '@id': '#biomero-bridge',
      '@type': 'SoftwareApplication',
      name: 'biomero-bridge',
      version: productVersion,
      softwareRequirements: `Node.js ${process.versions.node}`,
    },
    ...(p.cluster === undefined ? [] : [clusterEntity(p.cluster, p.node ?? null)]),
    {
      '@id': '#user',
      '@type': 'Person',
      name: p.user,
      affiliation: { '@id': '#group' },
      ...(p.userId === undefined ? {} : { identifier: `Experimenter:${p.userId}` }),
    },
    {
      '@id': '#group',
      '@type': 'Organization',
      name: p.group,
      ...(p.groupId === undefined ? {} : { identifier: `ExperimenterGroup:${p.groupId}` }),
    },
    ...input,
    ...parameters,
    ...data.map((e) => e.entity),
  ];
  const crate = { '@context': 'https://w3id.org/ro/crate/1.1/context', '@graph': graph };
  return `${JSON.stringify(crate, null, 2)}\n`;
}

/** References; a single one stands alone, as RO-Crate recommends. */
function refs(entities: readonly Entity[]): { '@id': string } | { '@id': string }[] {
  const all = entities.map((e) => ({ '@id': e['@id'] }));
  const [first] = all;
  return first && all.length === 1 ? first : all;
}

function clusterEntity(cluster: string, node: string | null): Entity {
  const where = node === null ? '' : `, node ${node}`;
  return { '@id': '#cluster', '@type': 'Place', name: cluster, description: `Slurm cluster ${cluster}${where}` };
}

/** RFC 3339 with a numeric offset: the profile's validators do not take `Z`. */
function timeText(time: Date): string {
  return time.toISOString().replace('Z', '+00:00');
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
