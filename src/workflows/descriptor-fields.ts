import { z } from 'zod';
import type { ParameterType, ParameterValue, WorkflowParameter } from './descriptor.ts';
import { parameterNameProblem } from './parameter-names.ts';

/** Why a descriptor cannot be used. */
export class DescriptorProblem extends Error {
  override readonly name = 'DescriptorProblem';
}

export const text = z.string().catch('');
const scalar = z.union([z.string(), z.number(), z.bigint(), z.boolean(), z.null()]);
export const optionalScalar = scalar.optional();
export type Scalar = z.infer<typeof scalar>;

/** A default in the parameter's type; one of another type is the descriptor's mistake. */
export function typedDefault(id: string, type: ParameterType, value: Scalar | undefined): ParameterValue {
  if (value === null || value === undefined || value === '') return type === 'string' && value === '' ? '' : null;
  const plain = typeof value === 'bigint' ? Number(value) : value;
  const wrong = (): never => {
    throw new DescriptorProblem(`the default of "${id}", ${String(value)}, is not of type ${type}`);
  };
  switch (type) {
    case 'integer':
    case 'float': {
      const number = typeof plain === 'string' ? Number(plain) : plain;
      if (typeof number !== 'number' || !Number.isFinite(number)) return wrong();
      return type === 'integer' && !Number.isInteger(number) ? wrong() : number;
    }
    case 'boolean': {
      if (typeof plain === 'boolean') return plain;
      const word = String(plain).toLowerCase();
      return word === 'true' || word === '1' ? true : word === 'false' || word === '0' ? false : wrong();
    }
    case 'string':
      return String(plain);
  }
}

/** Parameters whose ids can be names of variables, each once. */
export function checkedParameters(parameters: WorkflowParameter[]): WorkflowParameter[] {
  const seen = new Set<string>();
  for (const { id } of parameters) {
    const problem = parameterNameProblem(id);
    if (problem) throw new DescriptorProblem(`the parameter ${JSON.stringify(id)} ${problem}`);
    if (seen.has(id.toUpperCase())) throw new DescriptorProblem(`there are two parameters "${id}"`);
    seen.add(id.toUpperCase());
  }
  return parameters;
}
