import { violations, type JsonSchema, type Violation } from '../../lib/json-schema.ts';
import { shownValue } from '../problems.ts';
import type { Report } from './finding.ts';

/** Reports what in a value differs from a schema. `secret`: keys whose values are not shown. */
export function reportViolations(
  schema: JsonSchema,
  value: unknown,
  lineOf: (path: readonly string[]) => number | null,
  report: Report,
  secret: ReadonlySet<string> = new Set(),
): void {
  for (const violation of violations(schema, value)) {
    const { path, schema: part } = violation;
    const form = part['x-form'] ?? part.title ?? 'another value';
    const hidden = path.some((key) => secret.has(key));
    report({
      line: lineOf(path),
      key: path.join('.'),
      level: 'error',
      reason: reasonOf(violation, hidden),
      remedy: `Give ${form}.`,
    });
  }
}

function reasonOf({ keyword, value }: Violation, hidden: boolean): string {
  if (keyword === 'required') return 'it is missing';
  return `it is ${shownValue(value, hidden)}`;
}
