import type { Recipe } from '../../src/domain/vocabulary.ts';
import type { StepView } from '../../src/runs/view.ts';

/** A place on the time axis in percent of its width. */
export interface Bar {
  left: number;
  width: number;
  kind: 'done' | 'now' | 'lost' | 'wait';
}

export interface Timeline {
  bars: Map<StepView['name'], Bar>;
  ticks: { at: number; label: string }[];
  /** Where the results became safe; null before. */
  safe: number | null;
  /** The present, while the run goes on; null after. */
  now: number | null;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const week = 168 * hour;
const steps = [1, 2, 5, 10, 15, 30]
  .map((n) => n * second)
  .concat([1, 2, 5, 10, 15, 30].map((n) => n * minute))
  .concat([1, 2, 4, 6, 12, 24, 48].map((n) => n * hour));
/** Room at the right for the word at the present. */
const margin = 0.06;
const wantedTicks = 5;

/**
 * Lays a run's steps out on one time axis; null before anything has begun.
 *
 * @param now milliseconds, as `Date.now()`
 */
export function timelineOf(
  views: readonly StepView[],
  now: number,
  clock: (ms: number, span: number) => string,
  recipe: Recipe = 'import-results',
): Timeline | null {
  const begun = views.filter((s) => s.startedAt !== null);
  if (!begun.length) return null;
  const goesOn = views.some((s) => s.state === 'running' || s.state === 'attention');
  const time = (iso: string | null): number => (iso === null ? now : Date.parse(iso));
  const endOf = (s: StepView): number => (isOpen(s) ? now : time(s.endedAt ?? s.startedAt));
  const start = Math.min(...begun.map((s) => time(s.startedAt)));
  // A clock that is behind the server's may put the present before a start.
  const end = Math.max(start + second, ...begun.flatMap((s) => [time(s.startedAt), endOf(s)]));
  const span = (end - start) * (1 + margin);
  const place = (ms: number): number => Math.round((Math.max(0, ms - start) / span) * 10_000) / 100;

  const bars = new Map<StepView['name'], Bar>();
  for (const s of begun) {
    const left = place(time(s.startedAt));
    bars.set(s.name, { left, width: Math.max(0.4, place(endOf(s)) - left), kind: kindOf(s) });
  }
  // On the classic way results are safe once all of them are attached in OMERO.
  const safe: StepView['name'] = recipe === 'import-results' ? 'archive' : 'annotate';
  const archive = views.find((s) => s.name === safe && s.state === 'done' && s.endedAt !== null);
  const every = steps.find((ms) => span / ms <= wantedTicks) ?? Math.ceil(span / (wantedTicks * week)) * week;
  const ticks = [];
  for (let at = Math.ceil(start / every) * every; at < start + span; at += every)
    // A word at either edge would be cut.
    if (place(at) > 3 && place(at) < 97) ticks.push({ at: place(at), label: clock(at, span) });
  return { bars, ticks, safe: archive ? place(time(archive.endedAt)) : null, now: goesOn ? place(now) : null };
}

function isOpen(s: StepView): boolean {
  return s.endedAt === null && (s.state === 'running' || s.state === 'attention');
}

function kindOf(s: StepView): Bar['kind'] {
  if (s.state === 'failed') return 'lost';
  if (s.state === 'attention') return 'wait';
  return s.state === 'done' ? 'done' : 'now';
}
