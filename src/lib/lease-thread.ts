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

let renewing = false;
async function renew(): Promise<void> {
  if (renewing || held.size === 0) return;
  renewing = true;
  try {
    const asked = monotonicMs();
    const leases = [...held.values()];
    client ??= await connect();
    const { rows } = await client.query<{ resource: string; token: string }>(
      `update bridge.leases l set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
       from unnest($1::text[], $2::bigint[]) as h(resource, token)
       where l.resource = h.resource and l.token = h.token and l.expires_at > clock_timestamp()
       returning l.resource, l.token`,
      [leases.map((l) => l.resource), leases.map((l) => l.token), ttlMs],
    );
    const renewed = new Set(rows.map((r) => `${r.token} ${r.resource}`));
    for (const lease of leases) {
      if (renewed.has(`${lease.token} ${lease.resource}`)) lease.until = asked + ttlMs;
      else lose(lease);
    }
  } catch {
    client?.end().catch(() => undefined);
    client = null;
  } finally {
    renewing = false;
    // Without an answer a lease counts as lost a little before it expires in the database.
    for (const lease of held.values()) if (monotonicMs() > lease.until - ttlMs / 10) lose(lease);
  }
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
