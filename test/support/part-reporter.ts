import type { Reporter, TestModule } from 'vitest/node';
import { optionalParts } from './optional-part.ts';

/** Ends a run with what was and what was not tested against real parts. */
export default class PartReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map(optionalParts.map((part) => [part as string, { run: 0, failed: 0, skipped: 0 }]));
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const part = /\[([^\]]+)\]/.exec(test.fullName)?.[1];
        const count = part === undefined ? undefined : counts.get(part);
        if (!count) continue;
        const state = test.result().state;
        if (state === 'skipped') count.skipped++;
        else count.run++;
        if (state === 'failed') count.failed++;
      }
    const rows = [...counts].map(([part, c]) => {
      const note = c.failed ? `${c.failed} failed` : c.run ? '' : c.skipped ? 'not on this machine' : 'no tests';
      return `  ${part.padEnd(14)}${String(c.run).padStart(5)}${String(c.skipped).padStart(9)}   ${note}`.trimEnd();
    });
    process.stdout.write(`\n  Optional part   run  skipped\n${rows.join('\n')}\n\n`);
  }
}
