import type { Logger } from 'pino';
import { describeError } from '../domain/errors.ts';
import { everyRun, findVisibleRuns, type RunFilter } from '../runs/list-runs.ts';
import { readRunView, summariesOf, type ViewSources } from '../runs/read-view.ts';
import type { RunSummary, RunView } from '../runs/view.ts';
import { visibleRuns } from './identity/rights.ts';
import type { Viewer } from './identity/viewer.ts';
import { seenBy, type SeenRun } from './seen-run.ts';

/** What a stream sends: the whole truth as of a revision, never a difference. */
export type LiveEvent =
  { event: 'run'; data: SeenRun } | { event: 'runs'; data: RunSummary[] } | { event: 'summary'; data: RunSummary };

interface Stream {
  viewer: Viewer;
  runId: string | null;
  send(event: LiveEvent): void;
  sent: Map<string, number>;
}

const listed = 100;
/** Without a notification the database is asked this often: a lost notification costs a second, nothing else. */
const lookEveryMs = 1_000;

/**
 * Feeds the event streams of all open pages from one look at the database per change. Snapshots with revisions make a
 * reconnect trivial and a repeated event harmless.
 */
export class LiveRuns {
  readonly #sources: ViewSources;
  readonly #log: Logger;
  readonly #streams = new Set<Stream>();
  #timer: NodeJS.Timeout | null = null;
  #looking = false;
  #again = false;

  constructor(sources: ViewSources, log: Logger) {
    this.#sources = sources;
    this.#log = log;
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream for one run, which the caller has found the viewer may see, or for the list of those they may see
   * when no run is given; returns how to end it.
   */
  open(viewer: Viewer, runId: string | null, send: (event: LiveEvent) => void): () => void {
    const stream: Stream = { viewer, runId, send, sent: new Map() };
    this.#streams.add(stream);
    this.#timer ??= setInterval(() => this.changed(), lookEveryMs);
    this.changed();
    return () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0 && this.#timer) {
        clearInterval(this.#timer);
        this.#timer = null;
      }
    };
  }

  /** Something may have changed. Calls during a look are answered by one further look. */
  changed(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    if (this.#streams.size === 0) return;
    this.#looking = true;
    void this.#look()
      .catch((error: unknown) => this.#log.warn({ error: describeError(error) }, 'live runs could not be read'))
      .finally(() => {
        this.#looking = false;
        if (this.#again) {
          this.#again = false;
          this.changed();
        }
      });
  }

  async #look(): Promise<void> {
    await this.#lookAtLists([...this.#streams].filter((s) => s.runId === null));
    const ids = new Set([...this.#streams].flatMap((s) => s.runId ?? []));
    for (const id of ids) {
      const view = await readRunView(this.#sources, id);
      if (!view) continue;
      const key = fingerprint(view);
      for (const stream of this.#streams) {
        if (stream.runId !== id || stream.sent.get(id) === key) continue;
        stream.sent.set(id, key);
        stream.send({ event: 'run', data: seenBy(stream.viewer, view) });
      }
    }
  }

  /** One query for all pages that may see the same. */
  async #lookAtLists(lists: readonly Stream[]): Promise<void> {
    const byRights = new Map<string, Stream[]>();
    for (const stream of lists) {
      const key = JSON.stringify(visibleRuns(stream.viewer));
      byRights.set(key, [...(byRights.get(key) ?? []), stream]);
    }
    for (const streams of byRights.values()) {
      const [first] = streams;
      if (!first) continue;
      const filter: RunFilter = { ...everyRun, visible: visibleRuns(first.viewer) };
      const runs = await findVisibleRuns(this.#sources.runs, filter, listed, null);
      const summaries = await summariesOf(this.#sources.runs, runs);
      for (const stream of streams) sendList(stream, summaries);
    }
  }
}

function sendList(stream: Stream, summaries: RunSummary[]): void {
  if (stream.sent.size === 0) {
    stream.send({ event: 'runs', data: summaries });
    stream.sent.set('', 0);
  } else {
    for (const s of summaries)
      if ((stream.sent.get(s.id) ?? 0) < s.revision) stream.send({ event: 'summary', data: s });
  }
  for (const s of summaries) stream.sent.set(s.id, s.revision);
}

/** Orders change in another database without raising the run's revision; this number covers both. */
function fingerprint(view: RunView): number {
  const results = view.results.filter((r) => r.import === 'imported' || r.import === 'already-there').length;
  const failed = view.results.filter((r) => r.import === 'failed').length;
  return view.revision * 1e6 + view.orders.length * 1e5 + ((results * 7 + failed * 13) % 1e5);
}
