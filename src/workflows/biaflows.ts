import { z } from 'zod';
import type { FixedArgument, ParameterType, WorkflowDescriptor, WorkflowParameter } from './descriptor.ts';
import { checkedParameters, optionalScalar, text, typedDefault, type Scalar } from './descriptor-fields.ts';

const choice = z.union([z.string(), z.number(), z.bigint()]);

const input = z.object({
  id: z.string().min(1),
  name: text,
  description: text,
  type: z.string(),
  'default-value': optionalScalar,
  optional: z.boolean().catch(false),
  'set-by-server': z.boolean().catch(false),
  'command-line-flag': z.string().catch(''),
  'value-choices': z.array(choice).nullish(),
  'value-choices-labels': z.array(z.string()).nullish(),
  minimum: z.union([z.number(), z.bigint()]).nullish(),
  maximum: z.union([z.number(), z.bigint()]).nullish(),
});

const descriptor = z.object({
  name: z.string().min(1),
  description: text,
  version: text,
  'container-image': z.object({ image: z.string().nullish() }).nullish(),
  inputs: z.array(input),
});

/** The arguments that BIAFLOWS workflows take whatever their parameters. */
const fixed: readonly FixedArgument[] = [
  { kind: 'folder', flag: '--infolder', folder: 'in' },
  { kind: 'folder', flag: '--gtfolder', folder: 'gt' },
  { kind: 'folder', flag: '--outfolder', folder: 'out' },
  { kind: 'word', word: '--local' },
  { kind: 'word', word: '-nmc' },
];

/** BIAFLOWS' `descriptor.json`, and BIOMERO's own form that grew out of it. */
export function readBiaflows(source: Record<string, unknown>, form: 'biaflows' | 'biomero'): WorkflowDescriptor {
  const found = descriptor.parse(source);
  const parameters = found.inputs
    .filter((i) => !i.id.startsWith('cytomine') && !i['set-by-server'])
    .filter((i) => form === 'biaflows' || !['image', 'file', 'array'].includes(i.type))
    .map((i): WorkflowParameter => {
      const type = typeOf(form, i.type, i['default-value']);
      const labels = i['value-choices-labels'] ?? [];
      const choices = i['value-choices']?.map((value, at) => {
        const plain = typeof value === 'bigint' ? Number(value) : value;
        return { value: plain, label: labels[at] ?? String(plain) };
      });
      return {
        id: i.id,
        name: i.name || i.id,
        description: i.description,
        type,
        default: typedDefault(i.id, type, i['default-value']),
        optional: i.optional,
        choices: choices?.length ? choices : null,
        minimum: numberOrNull(i.minimum),
        maximum: numberOrNull(i.maximum),
        flag: (i['command-line-flag'] || `--${i.id}`).replaceAll('@id', i.id),
        style: 'value',
      };
    });
  return {
    form,
    name: found.name,
    description: found.description,
    version: found.version || null,
    image: found['container-image']?.image?.replace(/:[^/]*$/, '') ?? null,
    parameters: checkedParameters(parameters),
    fixed,
  };
}

function typeOf(form: string, type: string, fallback: Scalar | undefined): ParameterType {
  const word = type.toLowerCase();
  if (word === 'number') return typeof fallback === 'number' ? 'float' : 'integer';
  if (word === 'boolean') return 'boolean';
  if (form === 'biomero' && (word === 'integer' || word === 'float')) return word;
  return 'string';
}

function numberOrNull(value: number | bigint | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
