import { Client } from 'pg';
import { isAlive, type ProcessIdentity } from '../../lib/process-identity.ts';

/**
 * Waits until a server takes a connection. A server that says that it is starting up or shutting down is at work and
 * gets `withinMs`; one that says nothing gets `silentMs`. False when its process ended or the time is over.
 */
export async function waitUntilReachable(
  url: string,
  identity: ProcessIdentity,
  { withinMs, silentMs = withinMs }: { withinMs: number; silentMs?: number },
): Promise<boolean> {
  const started = Date.now();
  let lastWord = started;
  for (;;) {
    const reply = await knock(url);
    // Another server on the same socket must not pass for this one.
    if (!isAlive(identity)) return false;
    if (reply === 'open') return true;
    if (reply === 'busy') lastWord = Date.now();
    if (Date.now() - started > withinMs || Date.now() - lastWord > silentMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function knock(url: string): Promise<'open' | 'busy' | 'silent'> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return 'open';
  } catch (error) {
    // cannot_connect_now: starting up, in recovery or shutting down. too_many_connections: it certainly lives.
    const code = (error as { code?: string }).code;
    if (code === '53300') return 'open';
    return code === '57P03' ? 'busy' : 'silent';
  } finally {
    await client.end().catch(() => undefined);
  }
}
