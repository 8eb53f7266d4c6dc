import { expect, test } from 'vitest';
import fc from 'fast-check';
import { nextStep, type RunFacts } from './next-step.ts';

const fresh: RunFacts = {
  ended: false,
  abandoned: false,
  submitted: false,
  job: 'none',
  archived: false,
  images: 0,
  order: 'none',
  confirmed: false,
  annotated: false,
  attaches: false,
};

test.each<[string, Partial<RunFacts>, string]>([
  ['a run that was given up, wherever it is', { abandoned: true, submitted: true, job: 'going' }, 'abandon'],
  ['a fresh run', {}, 'submit'],
  ['a job that was submitted', { submitted: true }, 'follow'],
  ['a running job', { submitted: true, job: 'going' }, 'follow'],
  ['a failed job, so that following says why', { submitted: true, job: 'failed' }, 'follow'],
  ['a job that succeeded', { submitted: true, job: 'succeeded' }, 'archive'],
  ['an archive with images', { submitted: true, job: 'succeeded', archived: true, images: 3 }, 'order'],
  ['an archive without images', { submitted: true, job: 'succeeded', archived: true }, 'finish'],
  ['an archive whose job Slurm has forgotten', { submitted: true, job: 'going', archived: true, images: 1 }, 'order'],
  ['an open order', { submitted: true, archived: true, images: 1, order: 'open' }, 'import'],
  ['a failed order', { submitted: true, archived: true, images: 1, order: 'failed' }, 'import'],
  [
    'a completed order, not yet confirmed',
    { submitted: true, archived: true, images: 1, order: 'completed' },
    'import',
  ],
  ['confirmed images', { submitted: true, archived: true, images: 1, order: 'completed', confirmed: true }, 'annotate'],
  [
    'annotated images',
    { submitted: true, archived: true, images: 1, order: 'completed', confirmed: true, annotated: true },
    'finish',
  ],
  ['results to attach without images', { submitted: true, archived: true, attaches: true }, 'order'],
  [
    'results to attach without images, their place known',
    { submitted: true, archived: true, order: 'open', attaches: true },
    'annotate',
  ],
  [
    'attached results without images',
    { submitted: true, archived: true, order: 'open', annotated: true, attaches: true },
    'finish',
  ],
  ['an ended run', { ended: true, submitted: true }, 'none'],
])('after %s', (_, facts, expected) => {
  expect(nextStep({ ...fresh, ...facts })).toBe(expected);
});

test('a run never finishes with images that were not confirmed and annotated', () => {
  const anyFacts = fc.record<RunFacts>({
    ended: fc.constant(false),
    abandoned: fc.constant(false),
    submitted: fc.boolean(),
    job: fc.constantFrom('none', 'going', 'succeeded', 'failed'),
    archived: fc.boolean(),
    images: fc.nat(3),
    order: fc.constantFrom('none', 'open', 'completed', 'failed'),
    confirmed: fc.boolean(),
    annotated: fc.boolean(),
    attaches: fc.boolean(),
  });
  fc.assert(
    fc.property(anyFacts, (facts) => {
      if (nextStep(facts) !== 'finish') return;
      expect(facts.archived).toBe(true);
      if (facts.attaches) expect(facts.annotated).toBe(true);
      if (facts.images > 0) expect(facts.confirmed && facts.annotated).toBe(true);
    }),
  );
});
