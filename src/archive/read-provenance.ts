import { z } from 'zod';
import type { Provenance } from './provenance.ts';

const entity = z.looseObject({
  '@id': z.string(),
  '@type': z.unknown(),
  name: z.string().optional(),
  version: z.string().optional(),
  identifier: z.union([z.string(), z.array(z.string())]).optional(),
});
type Entity = z.infer<typeof entity>;
const reference = z.object({ '@id': z.string() });
const crate = z.object({ '@graph': z.array(entity) });
const action = z.looseObject({
  '@id': z.string(),
  instrument: reference,
  agent: reference,
  object: z.union([z.array(reference), reference.transform((one) => [one])]),
  startTime: z.coerce.date(),
  endTime: z.coerce.date().optional(),
});

/** Reads what `writeProvenance` wrote. Throws an Error that says what is missing. */
export function readProvenance(text: string): Provenance {
  const graph = crate.parse(JSON.parse(text))['@graph'];
  const byId = new Map(graph.map((e) => [e['@id'], e]));
  const found = graph.find((e) => e['@type'] === 'CreateAction' && identifier(e, 'slurm-job:') !== undefined);
  if (!found) throw new Error('it describes no Slurm job');
  const run = action.parse(found);
  const workflow = byId.get(run.instrument['@id']);
  const user = byId.get(run.agent['@id']);
  const group = byId.get('#group');
  const objects = run.object.map((ref) => byId.get(ref['@id'])).filter((e) => e !== undefined);
  const taskId = needed('task', uuidOf(found['@id']));
  const workflowId = uuidOf(identifiersOf(byId.get('./'))[0] ?? '');
  return {
    workflowId: needed('workflow id', workflowId),
    taskId,
    workflow: needed('workflow', workflow?.name),
    workflowVersion: needed('version', workflow?.version),
    parameters: Object.fromEntries(
      objects.filter((e) => e['@type'] === 'PropertyValue').map((e) => [e.name ?? '', e['value']]),
    ),
    jobId: Number(identifier(found, 'slurm-job:')),
    user: needed('user', user?.name),
    group: needed('group', group?.name),
    input: inputOf(objects),
    startedAt: run.startTime,
    endedAt: run.endTime ?? null,
    ...idOf('userId', user, 'Experimenter:'),
    ...idOf('groupId', group, 'ExperimenterGroup:'),
    ...taskOf(identifier(found, 'biomero-task:')),
  };
}

function inputOf(objects: readonly Entity[]): Provenance['input'] {
  for (const object of objects) {
    const [, type, id] = /^([A-Za-z]+):(\d{1,15})$/.exec(identifiersOf(object)[0] ?? '') ?? [];
    if (type !== undefined) return { type, id: Number(id), name: object.name ?? '' };
  }
  return null;
}

function idOf(key: 'userId' | 'groupId', of: Entity | undefined, prefix: string): Partial<Provenance> {
  const id = of && identifier(of, prefix);
  return id !== undefined && /^-?\d{1,15}$/.test(id) ? { [key]: Number(id) } : {};
}

function taskOf(id: string | undefined): Partial<Provenance> {
  return id !== undefined && uuidOf(`urn:uuid:${id}`) !== undefined ? { workflowTaskId: id } : {};
}

function identifier(of: Entity, prefix: string): string | undefined {
  return identifiersOf(of)
    .find((text) => text.startsWith(prefix))
    ?.slice(prefix.length);
}

function identifiersOf(of: Entity | undefined): string[] {
  const { identifier: value } = of ?? {};
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function uuidOf(urn: string): string | undefined {
  return /^urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(urn)?.[1];
}

function needed(what: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`it names no ${what}`);
  return value;
}
