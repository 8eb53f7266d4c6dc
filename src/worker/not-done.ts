import { describeError } from '../domain/errors.ts';

/** What could not be done and why, as one sentence; OMERO's own words may bring their full stop. */
export function becauseOf(problem: string, error: unknown): string {
  return `${problem}: ${describeError(error).replace(/\.+$/, '')}.`;
}
