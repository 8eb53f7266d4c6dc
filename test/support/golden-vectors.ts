import { readFileSync } from 'node:fs';
import { packageFile } from '../../src/lib/package-root.ts';

/** A message that ZeroC's own runtime wrote, with what it says; made by `test/interop/make_golden.py`. */
export interface Vector {
  kind: 'request' | 'reply';
  name: string;
  interface: string;
  operation: string;
  hex: string;
  values?: unknown[];
  context?: Record<string, string>;
  /** At most one instance per batch: the order of instances, which is free, cannot differ. */
  exact?: boolean;
  value?: unknown;
  exception?: string;
  members?: Record<string, unknown>;
}

export function goldenVectors(): Vector[] {
  const file = packageFile('src', 'omero', 'ice', 'golden.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }).vectors;
}
