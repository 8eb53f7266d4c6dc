import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Pool } from '../lib/database.ts';
import { productVersion } from '../lib/product-version.ts';
import { readOrderFigures, readRunFigures } from './figures.ts';

/** What an importer tells of its work as it does it. */
export interface ImporterMetrics {
  /** An order went from one stage to the next; `seconds` since it was placed (`started`) or begun (`closed`). */
  stage(stage: 'started' | 'completed' | 'failed', seconds: number): void;
  /** An attempt stopped, or an order failed, for a reason of the registry. */
  failure(code: string): void;
  /** An import process was started. */
  process(): void;
}

/** Seconds; from an order that was there at once to one that took a working day. */
const buckets = [0.05, 0.1, 0.25, 1, 5, 15, 60, 300, 1_800, 7_200, 28_800];

/**
 * Figures of one process in Prometheus' form. What stands in the tables is read at every scrape, so that every process
 * tells the same of it and none has to be asked; what only a process knows is counted by it.
 */
export class Metrics implements ImporterMetrics {
  readonly registry = new Registry();
  readonly #stages: Histogram<'stage'>;
  readonly #failures: Counter<'code'>;
  readonly #processes: Counter;

  /** @param orders null where this process does not use the database of orders; `runs` likewise */
  constructor({ runs, orders }: { runs: Pool | null; orders: Pool | null }) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'biomero_bridge_info',
      help: 'Version of this process.',
      labelNames: ['version'],
      registers,
    }).set({ version: productVersion }, 1);
    this.#stages = new Histogram({
      name: 'biomero_bridge_order_stage_seconds',
      help: 'Time until an upload order was started (since it was placed), completed or failed (since it was started), by this process.',
      labelNames: ['stage'],
      buckets,
      registers,
    });
    this.#failures = new Counter({
      name: 'biomero_bridge_import_failures_total',
      help: 'Attempts at upload orders that stopped, by the code of their reason, in this process.',
      labelNames: ['code'],
      registers,
    });
    this.#processes = new Counter({
      name: 'biomero_bridge_import_processes_total',
      help: 'Import processes that this process has started.',
      registers,
    });
    if (orders) this.#addOrders(orders);
    if (runs) this.#addRuns(runs);
  }

  stage(stage: 'started' | 'completed' | 'failed', seconds: number): void {
    // Counted from times that producers wrote.
    if (Number.isFinite(seconds)) this.#stages.observe({ stage }, Math.max(0, seconds));
  }

  failure(code: string): void {
    this.#failures.inc({ code });
  }

  process(): void {
    this.#processes.inc();
  }

  #addOrders(pool: Pool): void {
    const figures = shared(() => readOrderFigures(pool));
    this.#gauge('orders', 'Upload orders that are open, by stage: pending or started.', 'stage', async () => {
      const { pending, started } = await figures();
      return { pending, started };
    });
    this.#gauge(
      'oldest_pending_order_seconds',
      'Age of the oldest upload order that nobody has begun; 0 when there is none.',
      null,
      async () => (await figures()).oldestPendingSeconds,
    );
    this.#gauge(
      'orders_held_up',
      'Open upload orders whose import stopped or cannot begin, by the code of the reason.',
      'code',
      async () => Object.fromEntries((await figures()).heldUp.map(({ code, count }) => [code, count])),
    );
    this.#gauge(
      'importers',
      'Importers that were heard of within 20 s: working, or stopped because an importer of another kind is at work.',
      'state',
      async () => (await figures()).importers,
    );
  }

  #addRuns(pool: Pool): void {
    const figures = shared(() => readRunFigures(pool));
    this.#gauge(
      'runs',
      'Runs by state; done and failed: those that ended within a day.',
      'state',
      async () => (await figures()).states,
    );
    this.#gauge('runs_attention', 'Runs that wait for something, by its code.', 'code', async () =>
      Object.fromEntries((await figures()).attention.map(({ code, count }) => [code, count])),
    );
  }

  /** A figure that is read at every scrape: one number, or one for each value of a label. */
  #gauge(name: string, help: string, label: string | null, read: () => Promise<number | Record<string, number>>): void {
    const gauge = new Gauge({
      name: `biomero_bridge_${name}`,
      help,
      labelNames: label === null ? [] : [label],
      registers: [],
      async collect() {
        const figures = await read();
        this.reset();
        if (typeof figures === 'number') this.set(figures);
        else for (const [value, figure] of Object.entries(figures)) this.set({ [label ?? '']: value }, figure);
      },
    });
    this.registry.registerMetric(gauge);
  }
}

/** One reading for all figures of a scrape. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | null = null;
  return () =>
    (reading ??= read().finally(() => {
      setImmediate(() => (reading = null));
    }));
}
