import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/lib/package-root.ts';
import { IceSchema, type SchemaData } from '../../src/omero/ice/schema.ts';
import { checkReply, checkRequest } from '../support/golden-check.ts';
import type { Vector } from '../support/golden-vectors.ts';
import { zerocPython } from '../support/glacier2-router.ts';
import { describeWithPart } from '../support/optional-part.ts';

interface Made {
  note: string;
  vectors: Vector[];
}

// The stored messages of ZeroC's runtime are checked everywhere; here the runtime writes them anew, and all others.
describeWithPart('Glacier2', zerocPython !== null, "messages of ZeroC's runtime", () => {
  const made = (...options: string[]): Made => {
    const script = packageFile('test', 'interop', 'make_golden.py');
    const text = execFileSync(zerocPython ?? '', [script, ...options], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    });
    return JSON.parse(text) as Made;
  };

  test('golden.json is what the runtime writes today', () => {
    const stored = JSON.parse(readFileSync(packageFile('src', 'omero', 'ice', 'golden.json'), 'utf8')) as Made;
    expect(comparable(made('--print'))).toEqual(comparable(stored));
  });

  test('every operation there and back, and every exception', () => {
    const { vectors } = made('--every');
    const file = packageFile('src', 'omero', 'ice', 'omero-schema.json');
    const data = JSON.parse(readFileSync(file, 'utf8')) as SchemaData;
    const operations = Object.values(data.interfaces).flatMap((i) => Object.keys(i.operations));
    expect(vectors.filter((v) => v.kind === 'request')).toHaveLength(operations.length);
    // One exception of Glacier2 is not thrown by its own package for Python.
    const replies = vectors.filter((v) => v.kind === 'reply');
    expect(replies).toHaveLength(operations.length + IceSchema.omero().exceptions.size - 1);
    for (const vector of vectors)
      try {
        if (vector.kind === 'request') checkRequest(vector);
        else checkReply(vector);
      } catch (cause) {
        throw new Error(`${vector.kind} of ${vector.interface}.${vector.name}`, { cause });
      }
  });
});

/** The runtime orders instances by their addresses: where there may be several, only the length is the same each time. */
function comparable({ note, vectors }: Made): object {
  return { note, vectors: vectors.map((v) => (v.exact ? v : { ...v, hex: v.hex.length })) };
}
