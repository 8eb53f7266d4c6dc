/** Whether everything that this product needs is well, as far as the web role can tell without changing anything. */
import { checkGroupMappings } from '../archive/check-group-mappings.ts';
import { readGroupMappings } from '../archive/group-mappings.ts';
import type { StorageConfig } from '../config/config.ts';
import { BridgeError, describeError } from '../domain/errors.ts';
import { readOrderFigures, readRunFigures } from '../metrics/figures.ts';
import type { CheckResult } from '../omero/check/check.ts';
import { readImporters } from '../orders/importers.ts';
import type { ViewSources } from '../runs/read-view.ts';
import { readMounts } from '../storage/check.ts';

export interface HealthParts {
  sources: ViewSources;
  storage: StorageConfig;
  omeroGroups(): Promise<{ id: number; name: string }[]>;
  health(): Promise<Record<string, string>>;
}

type Found = Pick<CheckResult, 'outcome' | 'detail' | 'remedy'>;

/** An OMERO that says nothing for so long is away. */
const omeroMs = 10_000;
/** An order that waits longer than this deserves a look. */
const longWaitSeconds = 30 * 60;

const passed = (detail: string): Found => ({ outcome: 'passed', detail, remedy: null });
const warning = (detail: string, remedy: string): Found => ({ outcome: 'warning', detail, remedy });
const failed = (detail: string, remedy: string): Found => ({ outcome: 'failed', detail, remedy });

/** Every check, at once; one that throws has failed. */
export function healthChecks(parts: HealthParts): Promise<CheckResult[]> {
  const { sources, storage } = parts;
  return Promise.all([
    check('databases', 'The databases answer', async () => {
      const away = Object.entries(await parts.health()).filter(([, state]) => state !== 'ok');
      if (away.length === 0) return passed('');
      const words = away.map(([name, state]) => `${name} ${state}`).join(', ');
      return failed(words, 'Start PostgreSQL, or correct SQLALCHEMY_URL and INGEST_TRACKING_DB_URL.');
    }),
    check('omero', 'OMERO answers the service account', async () => {
      const groups = await within(parts.omeroGroups(), omeroMs);
      return passed(`${groups.length} ${groups.length === 1 ? 'group' : 'groups'}`);
    }),
    check('importers', 'Importers are at work', () => importersFound(sources)),
    check('queue', 'Orders do not wait', () => queueFound(sources)),
    check('runs', 'No run waits for anybody', async () => {
      const { attention } = await readRunFigures(sources.runs);
      if (attention.length === 0) return passed('');
      const words = attention.map(({ code, count }) => `${count} by ${code}`).join(', ');
      return warning(`Runs are held up: ${words}.`, 'Open them in the list of runs; each says what it waits for.');
    }),
    check('storage', 'The storage is the one that was adopted', () => storageFound(parts)),
    check('mappings', 'Group mappings can be used', async () => {
      const mappings = await readGroupMappings(storage.mappingFiles);
      const findings = await checkGroupMappings(storage, mappings);
      const [first] = findings.toSorted((a, b) => Number(b.level === 'error') - Number(a.level === 'error'));
      if (!first) return passed(`${mappings.size} mapped`);
      const text = `Group "${first.groupName}", folder "${first.folder}": ${first.reason}.`;
      return first.level === 'error' ? failed(text, first.remedy) : warning(text, first.remedy);
    }),
  ]);
}

async function importersFound({ orders }: ViewSources): Promise<Found> {
  const importers = await readImporters(orders);
  const of = (state: (typeof importers)[number]['state']): typeof importers =>
    importers.filter((importer) => importer.state === state);
  const [stopped] = of('stopped');
  if (stopped)
    return failed(
      `${stopped.host} takes no orders: ${stopped.stopped}.`,
      'Stop the other importer, then restart this one: both would import everything twice.',
    );
  const alive = of('alive').length;
  const [silent] = of('silent');
  if (alive === 0) {
    const { pending } = await readOrderFigures(orders);
    const text = 'No importer of this product beats.';
    const remedy = 'Start one: biomero-bridge importer';
    return pending > 0 ? failed(`${text} ${pending} orders wait.`, remedy) : warning(text, remedy);
  }
  if (silent)
    return warning(
      `${silent.host}, process ${silent.pid}, is silent since ${silent.lastBeatAt.toISOString()}; ${alive} others go on.`,
      `Look on ${silent.host} why it ended, and start it again.`,
    );
  return passed(`${alive} alive`);
}

async function queueFound({ orders }: ViewSources): Promise<Found> {
  const { pending, oldestPendingSeconds, heldUp } = await readOrderFigures(orders);
  if (heldUp.length > 0) {
    const words = heldUp.map(({ code, count }) => `${count} by ${code}`).join(', ');
    return warning(`Orders are held up: ${words}.`, 'Open one in the list of orders; it says what to do.');
  }
  if (oldestPendingSeconds > longWaitSeconds)
    return warning(
      `${pending} orders wait, the oldest for ${Math.round(oldestPendingSeconds / 60)} min.`,
      'Look at the importers; more of them, or more places for each, work faster.',
    );
  return passed(pending === 0 ? 'none waits' : `${pending} wait`);
}

async function storageFound({ sources, storage }: HealthParts): Promise<Found> {
  const mounts = await readMounts(sources.runs, storage.baseDir);
  const bad = mounts.find((m) => m.state === 'missing' || m.state === 'changed');
  if (bad)
    return failed(
      `${bad.path} ${bad.reason ?? 'bears another marker than the one that was adopted'}.`,
      'Mount the storage there. If another one took its place on purpose: biomero-bridge storage adopt --replace',
    );
  if (mounts.some((m) => m.state === 'unmarked'))
    return warning(
      `${storage.baseDir} bears no marker, so a mount that went away cannot be told from an empty one.`,
      'While it is mounted: biomero-bridge storage adopt',
    );
  return passed(storage.baseDir);
}

async function check(id: string, title: string, look: () => Promise<Found>): Promise<CheckResult> {
  const from = performance.now();
  const found = await look().then(
    (f) => ({ ...f, code: null }),
    (error: unknown) => ({
      outcome: 'failed' as const,
      detail: describeError(error),
      remedy: error instanceof BridgeError ? error.remedy : null,
      code: error instanceof BridgeError ? error.code : null,
    }),
  );
  return { id, title, ms: Math.round(performance.now() - from), ...found };
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it has said nothing for ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
