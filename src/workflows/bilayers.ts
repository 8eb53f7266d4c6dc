import { z } from 'zod';
import type { FixedArgument, ParameterType, WorkflowDescriptor, WorkflowParameter } from './descriptor.ts';
import { checkedParameters, optionalScalar, text, typedDefault } from './descriptor-fields.ts';

const file = z.object({
  name: z.string().min(1),
  type: z.string(),
  cli_tag: z.string().nullish(),
  optional: z.boolean().catch(false),
});

const parameter = z.object({
  name: z.string().min(1),
  label: text,
  description: text,
  type: z.string(),
  default: optionalScalar,
  optional: z.boolean().catch(false),
  cli_tag: z.string().nullish(),
  append_value: z.boolean().catch(true),
  output_dir_set: z.boolean().catch(false),
  options: z
    .array(z.object({ label: z.coerce.string().catch(''), value: z.union([z.string(), z.number(), z.bigint()]) }))
    .nullish(),
});

const config = z.object({
  docker_image: z.object({ org: text, name: z.string().min(1), tag: z.coerce.string().catch('') }),
  algorithm_folder_name: text,
  citations: z.object({ algorithm: z.array(z.object({ name: text, description: text })).catch([]) }).nullish(),
  exec_function: z
    .object({
      hidden_args: z
        .array(z.object({ cli_tag: z.string(), value: optionalScalar, append_value: z.boolean().catch(true) }))
        .nullish(),
    })
    .nullish(),
  inputs: z.array(file).nullish(),
  outputs: z.array(file).nullish(),
  parameters: z.array(parameter).nullish(),
});

/** bilayers' `config.yaml`. */
export function readBilayers(source: Record<string, unknown>): WorkflowDescriptor {
  const found = config.parse(source);
  const algorithm = found.citations?.algorithm[0];
  const fixed: FixedArgument[] = [];
  for (const [files, folder] of [
    [found.inputs, 'in'],
    [found.outputs, 'out'],
  ] as const)
    for (const { cli_tag, optional } of files ?? []) {
      const flag = flagOf(cli_tag);
      if (flag && !optional) fixed.push({ kind: 'folder', flag, folder });
    }
  const parameters: WorkflowParameter[] = [];
  for (const p of found.parameters ?? []) {
    const flag = flagOf(p.cli_tag) ?? `--${p.name}`;
    if (p.output_dir_set) {
      fixed.push({ kind: 'folder', flag, folder: 'out' });
      continue;
    }
    const type = typeOf(p.type);
    const choices = p.options?.map(({ label, value }) => {
      const plain = typeof value === 'bigint' ? Number(value) : value;
      return { value: plain, label: label || String(plain) };
    });
    parameters.push({
      id: p.name,
      name: p.label || p.name,
      description: p.description,
      type,
      default: typedDefault(p.name, type, p.default),
      optional: p.optional,
      choices: choices?.length ? choices : null,
      minimum: null,
      maximum: null,
      flag,
      style: type === 'boolean' && !p.append_value ? 'switch' : 'value',
    });
  }
  for (const { cli_tag, value, append_value } of found.exec_function?.hidden_args ?? []) {
    const flag = flagOf(cli_tag);
    if (!flag) continue;
    const shown = value === undefined || value === null ? '' : String(value);
    fixed.push({ kind: 'word', word: append_value && shown !== '' ? `${flag}=${shown}` : flag });
  }
  const { org, name } = found.docker_image;
  return {
    form: 'bilayers',
    name: algorithm?.name || found.algorithm_folder_name || name,
    description: algorithm?.description ?? '',
    version: found.docker_image.tag || null,
    image: org ? `${org}/${name}` : name,
    parameters: checkedParameters(parameters),
    fixed,
  };
}

/** `--flag=` and `--flag` are one; bilayers writes `None` where there is none. */
function flagOf(tag: string | null | undefined): string | null {
  const flag = (tag ?? '').replace(/=$/, '');
  return flag === '' || flag === 'None' ? null : flag;
}

function typeOf(type: string): ParameterType {
  switch (type.toLowerCase()) {
    case 'checkbox':
    case 'boolean':
      return 'boolean';
    case 'integer':
      return 'integer';
    case 'float':
      return 'float';
    default:
      return 'string';
  }
}
