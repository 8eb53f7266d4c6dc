/**
 * Renews leases on a thread of its own, so that a busy main thread cannot lose them. Told which leases to keep by
 * messages; tells which were lost.
 */
import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { monotonicMs } from './monotonic.ts';

interface Held {
  resource: string;
  token: number;
  /** When it expires unless it is renewed, by `monotonicMs`; never later than in the database. */
  until: number;
}

const { url, ttlMs } = workerData as { url: string; ttlMs: number };
const held = new Map<string, Held>();
let client: pg.Client | null = null;

parentPort?.on('message', (message: { keep?: Held; drop?: string }) => {
  if (message.keep) held.set(message.keep.resource, message.keep);
  if (message.drop !== undefined) held.delete(message.drop);
});

setInterval(() => {
  void renew();
}, ttlMs / 4);

// On its own timer: a renewal that waits for its answer must not delay what follows from having none.
setInterval(() => {
  for (const lease of held.values()) if (monotonicMs() > lease.until - ttlMs / 10) lose(lease);
}, ttlMs / 20);

let renewing = false;
async function renew(): Promise<void> {
  if (renewing || held.size === 0) return;
  renewing = true;
  try {
    const asked = monotonicMs();
    const leases = [...held.values()];
    client ??= await connect();
    const renewed = await renewRows(client, leases);
    for (const lease of leases) if (renewed.has(nameOf(lease))) lease.until = asked + ttlMs;
    const missing = leases.filter((lease) => !renewed.has(nameOf(lease)));
    const valid = missing.length ? await stillValid(client, missing) : renewed;
    for (const lease of missing) if (!valid.has(nameOf(lease))) lose(lease);
  } catch {
    client?.end().catch(() => undefined);
    client = null;
  } finally {
    renewing = false;
  }
}

/** Rows that a transaction holds at this moment are passed over, so that they do not keep the others waiting. */
function renewRows(db: pg.Client, leases: readonly Held[]): Promise<Set<string>> {
  return names(
    db,
    `update bridge.leases l set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
     where l.resource in (
       select r.resource from bridge.leases r join unnest($1::text[], $2::bigint[]) as h(resource, token)
         on r.resource = h.resource and r.token = h.token
       where r.expires_at > clock_timestamp() for update of r skip locked)
     returning l.resource, l.token`,
    leases,
    [ttlMs],
  );
}

function stillValid(db: pg.Client, leases: readonly Held[]): Promise<Set<string>> {
  return names(
    db,
    `select r.resource, r.token from bridge.leases r join unnest($1::text[], $2::bigint[]) as h(resource, token)
       on r.resource = h.resource and r.token = h.token
     where r.expires_at > clock_timestamp()`,
    leases,
    [],
  );
}

async function names(db: pg.Client, text: string, leases: readonly Held[], more: unknown[]): Promise<Set<string>> {
  const values = [leases.map((l) => l.resource), leases.map((l) => l.token), ...more];
  const { rows } = await db.query<{ resource: string; token: string }>(text, values);
  return new Set(rows.map(nameOf));
}

function nameOf(lease: { resource: string; token: string | number }): string {
  return `${lease.token} ${lease.resource}`;
}

function lose(lease: Held): void {
  const now = held.get(lease.resource);
  if (now?.token !== lease.token) return;
  held.delete(lease.resource);
  parentPort?.postMessage({ lost: lease.resource, token: lease.token });
}

async function connect(): Promise<pg.Client> {
  const opened = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ttlMs / 2,
    query_timeout: ttlMs / 2,
    application_name: 'biomero-bridge leases',
  });
  opened.on('error', () => {
    if (client === opened) client = null;
  });
  await opened.connect();
  return opened;
}

// The first lease may be short: nobody takes one before renewing can begin.
client = await connect().catch(() => null);
parentPort?.postMessage({ ready: true });
