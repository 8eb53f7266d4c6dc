import { bridgeError } from '../domain/errors.ts';
import type { ParameterValue, WorkflowDescriptor, WorkflowParameter } from './descriptor.ts';
import { parameterNameProblem } from './parameter-names.ts';

/**
 * Values for every parameter of a workflow: those given, checked and in their type, and the defaults of the others. Text
 * is taken for whatever type the parameter has.
 *
 * @throws PARAMETER_INVALID
 */
export function checkParameters(
  descriptor: WorkflowDescriptor,
  given: Readonly<Record<string, unknown>>,
): Record<string, ParameterValue> {
  const known = new Map(descriptor.parameters.map((p) => [p.id, p]));
  for (const name of Object.keys(given))
    if (!known.has(name)) {
      const names = [...known.keys()].join(', ') || 'none';
      throw bridgeError('PARAMETER_INVALID', { name, reason: `the workflow has no such parameter; it has ${names}` });
    }
  const values: Record<string, ParameterValue> = {};
  for (const parameter of descriptor.parameters) {
    const value = Object.hasOwn(given, parameter.id) ? given[parameter.id] : parameter.default;
    values[parameter.id] = checkValue(parameter, value);
  }
  return values;
}

/** Parameters of a workflow without a descriptor: only their names can be judged. @throws PARAMETER_INVALID */
export function checkNames(given: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(given)) {
    const problem = parameterNameProblem(name);
    if (problem) throw bridgeError('PARAMETER_INVALID', { name, reason: `its name ${problem}` });
  }
}

/** Text as the value it looks like: a number, true, false, null, else itself. For workflows without a descriptor. */
export function guessValue(text: string): ParameterValue {
  return /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(text)
    ? (JSON.parse(text) as ParameterValue)
    : text;
}

function checkValue(parameter: WorkflowParameter, value: unknown): ParameterValue {
  const refuse = (reason: string): Error => bridgeError('PARAMETER_INVALID', { name: parameter.id, reason });
  if (value === null || value === undefined || (value === '' && parameter.type !== 'string')) {
    if (parameter.optional) return null;
    throw refuse(`it needs a value (${parameter.type})`);
  }
  const typed = inType(parameter, value);
  if (typed === undefined) throw refuse(`${shown(value)} is not ${withArticle(parameter.type)}`);
  if (typeof typed === 'string' && typed.includes('\0')) throw refuse('its text holds a NUL character');
  if (typeof typed === 'number') {
    if (parameter.minimum !== null && typed < parameter.minimum)
      throw refuse(`${typed} is below the minimum of ${parameter.minimum}`);
    if (parameter.maximum !== null && typed > parameter.maximum)
      throw refuse(`${typed} is above the maximum of ${parameter.maximum}`);
  }
  if (parameter.choices && !parameter.choices.some((choice) => String(choice.value) === String(typed)))
    throw refuse(`${shown(value)} is none of ${parameter.choices.map((c) => c.value).join(', ')}`);
  return typed;
}

function inType(parameter: WorkflowParameter, value: unknown): ParameterValue | undefined {
  switch (parameter.type) {
    case 'integer': {
      const number = typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value;
      return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
    }
    case 'float': {
      const text = typeof value === 'string' && /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value);
      const number = text ? Number(value) : value;
      return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
    }
    case 'boolean': {
      if (typeof value === 'boolean') return value;
      if (typeof value !== 'string') return undefined;
      const word = value.trim().toLowerCase();
      if (['true', 'yes', 'on', '1'].includes(word)) return true;
      return ['false', 'no', 'off', '0'].includes(word) ? false : undefined;
    }
    case 'string':
      return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
  }
}

function shown(value: unknown): string {
  return (typeof value === 'string' ? JSON.stringify(value) : String(value)).slice(0, 100);
}

function withArticle(type: string): string {
  return type === 'integer' ? 'an integer (a whole number)' : type === 'float' ? 'a number' : `a ${type}`;
}
