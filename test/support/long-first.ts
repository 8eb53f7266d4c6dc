import { existsSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { packageFile } from '../../src/lib/package-root.ts';

/**
 * The test files that last longest, longest first. Without the durations of a run before, as in a new clone, vitest
 * begins with the largest file, and one of several minutes could begin last, while every other worker has nothing to do.
 */
const long = [
  'test/faults/killed-start.test.ts',
  'test/deploy/move-from-python.test.ts',
  'test/pipeline/cluster.test.ts',
  'test/faults/database-away.test.ts',
  // It takes both cores for itself, so nothing that is as long is to begin beside it.
  'test/faults/orders-chaos.test.ts',
  'test/browser/run-faults.test.ts',
  'test/faults/classic-recipe.test.ts',
  'test/interop/orchestrated-by-python.test.ts',
  'test/faults/bad-results.test.ts',
  'test/deploy/install.test.ts',
];

/** Begins with the long files; the rest comes as vitest orders it. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const lost = long.filter((path) => !existsSync(packageFile(path)));
    if (lost.length) throw new Error(`test/support/long-first.ts names what is not there: ${lost.join(', ')}`);
    const place = ({ moduleId }: TestSpecification): number => {
      const at = long.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? long.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}
