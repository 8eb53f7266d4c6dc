import { expect, test } from 'vitest';
import type { StepView } from '../../src/runs/view.ts';
import { timelineOf } from './timeline.ts';

const start = Date.UTC(2026, 8, 17, 12, 0, 0);
const at = (s: number): string => new Date(start + s * 1000).toISOString();
const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
const step = (name: StepView['name'], state: StepView['state'], from: number | null, to: number | null): StepView =>
  ({ name, state, startedAt: from === null ? null : at(from), endedAt: to === null ? null : at(to) }) as StepView;

test('nothing begun, nothing to draw', () => {
  expect(timelineOf([step('submit', 'waiting', null, null)], start, clock)).toBeNull();
});

test('on the classic way the results are safe once they are attached', () => {
  const views = [step('archive', 'done', 0, 10), step('annotate', 'done', 20, 40)];
  const archived = timelineOf(views, start + 60_000, clock);
  const attached = timelineOf(views, start + 60_000, clock, 'get-results');
  expect(attached?.safe).toBeGreaterThan(archived?.safe ?? 100);
});

test('steps lie on one axis that ends at the present while the run goes on', () => {
  const views = [
    step('submit', 'done', 0, 60),
    step('archive', 'done', 60, 300),
    step('import', 'running', 300, null),
    step('annotate', 'waiting', null, null),
  ];
  const line = timelineOf(views, start + 600_000, clock)!;
  expect(line.bars.get('submit')).toMatchObject({ left: 0, kind: 'done' });
  expect(line.bars.get('archive')!.left).toBeCloseTo(100 * (60 / 636), 1);
  const running = line.bars.get('import')!;
  expect(running.kind).toBe('now');
  expect(running.left + running.width).toBeCloseTo(line.now!, 1);
  expect(line.safe).toBeCloseTo(running.left, 1);
  expect(line.bars.has('annotate')).toBe(false);
  expect(line.ticks.map((t) => t.label)).toEqual(['12:05', '12:10']);
});

test('an ended run has no present, and one without an archive no safe line', () => {
  const line = timelineOf([step('submit', 'done', 0, 5), step('follow', 'failed', 5, 20)], start + 9e9, clock)!;
  expect([line.now, line.safe]).toEqual([null, null]);
  expect(line.bars.get('follow')!.kind).toBe('lost');
  for (const { left, width } of line.bars.values()) expect(left + width).toBeLessThanOrEqual(100);
});

test('stays in the picture for any span, a wrong clock, and a step that took no time', () => {
  for (const seconds of [0, 0.2, 1, 59, 3600, 86_400, 9e6])
    for (const offset of [-5, 0, 7]) {
      const views = [step('submit', 'done', 0, 0), step('follow', 'running', seconds, null)];
      const line = timelineOf(views, start + (seconds + offset) * 1000, clock)!;
      expect(line.ticks.length).toBeLessThanOrEqual(6);
      for (const { left, width } of line.bars.values()) {
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left + width).toBeLessThanOrEqual(100.5);
      }
    }
});
