import { parse } from 'yaml';
import { z } from 'zod';
import { bridgeError, describeError } from '../domain/errors.ts';
import { readBiaflows } from './biaflows.ts';
import { readBilayers } from './bilayers.ts';
import type { WorkflowDescriptor } from './descriptor.ts';
import { DescriptorProblem } from './descriptor-fields.ts';

/**
 * A descriptor from its text, JSON or YAML. Whole numbers arrive as bigint: BIAFLOWS says by `1` or `1.0` whether a
 * number is an integer.
 *
 * @param place where the text came from, for messages
 * @throws DESCRIPTOR_INVALID
 */
export function readDescriptor(text: string, place: string): WorkflowDescriptor {
  try {
    const value: unknown = parse(text, { intAsBigInt: true, maxAliasCount: 100, uniqueKeys: false });
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new DescriptorProblem('it is not an object');
    const source = value as Record<string, unknown>;
    if ('cwlVersion' in source || 'openapi' in source)
      throw new DescriptorProblem('it is CWL or OpenAPI, which BIOMERO does not run');
    const schema = typeof source['schema-version'] === 'string' ? source['schema-version'] : '';
    if (schema.startsWith('biomero')) return readBiaflows(source, 'biomero');
    if (schema.startsWith('cytomine') || ('container-image' in source && 'inputs' in source))
      return readBiaflows(source, 'biaflows');
    if ('docker_image' in source) return readBilayers(source);
    throw new DescriptorProblem('it is none of the known forms (BIAFLOWS, biomero, bilayers)');
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? error.issues
            .slice(0, 3)
            .map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`)
            .join('; ')
        : describeError(error).split('\n')[0];
    throw bridgeError('DESCRIPTOR_INVALID', { place, reason: reason ?? 'unreadable' }, { cause: error });
  }
}
