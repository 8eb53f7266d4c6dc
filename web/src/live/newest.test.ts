import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeRuns, newest } from './newest.ts';

const run = (id: string, revision: number, minute = 0): { id: string; revision: number; launchedAt: string } => ({
  id,
  revision,
  launchedAt: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
});

describe('newest', () => {
  it('never goes back', () => {
    const held = run('a', 5);
    expect(newest(held, run('a', 4))).toBe(held);
    expect(newest(held, run('a', 6)).revision).toBe(6);
  });

  it('takes the later word of one revision, and anything for nothing', () => {
    const arrived = run('a', 5);
    expect(newest(run('a', 5), arrived)).toBe(arrived);
    expect(newest(undefined, arrived)).toBe(arrived);
  });

  it('does not hold on to another run', () => {
    expect(newest(run('a', 9), run('b', 1)).id).toBe('b');
  });
});

describe('mergeRuns', () => {
  it('holds every run once, at its highest revision, whatever the order of arrival', () => {
    const runs = fc.array(
      fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), revision: fc.nat(5) }).map((r) => run(r.id, r.revision, r.id.codePointAt(0))),
    );
    fc.assert(
      fc.property(fc.array(runs), (batches) => {
        const merged = batches.reduce((held, batch) => mergeRuns(held, batch), [] as ReturnType<typeof run>[]);
        const all = batches.flat();
        expect(merged.map((r) => r.id)).toEqual([...new Set(all.map((r) => r.id))].sort().reverse());
        for (const r of merged) expect(r.revision).toBe(Math.max(...all.filter((o) => o.id === r.id).map((o) => o.revision)));
      }),
    );
  });

  it('puts the latest launch first, ties by id as the server does', () => {
    expect(mergeRuns([run('a', 1, 5), run('c', 1, 9)], [run('b', 1, 5)]).map((r) => r.id)).toEqual(['c', 'b', 'a']);
  });
});
