import { readConfig } from '../config/load.ts';
import { bridgeError, describeError } from '../domain/errors.ts';

/** A role that says nothing for so long hangs; its own checks of the databases take less. */
const answerWithinMs = 10_000;

/**
 * `health`: asks the role that runs beside this command, at `/healthz` of BIOMERO_BRIDGE_METRICS_PORT. Exit code 0 when
 * all is well, 1 when it is not.
 *
 * @throws HEALTH_NOT_SERVED, HEALTH_NO_ANSWER
 */
export async function health(): Promise<void> {
  // What no role needs may be missing here.
  const { host, port } = (await readConfig(process.env, [])).config.metrics;
  if (port === null || port === 0) throw bridgeError('HEALTH_NOT_SERVED', {});
  const address = `http://${reachable(host)}:${port}/healthz`;
  const { ok, text } = await ask(address);
  process.stdout.write(`${text}\n`);
  if (!ok) process.exitCode = 1;
}

async function ask(address: string): Promise<{ ok: boolean; text: string }> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(answerWithinMs) });
    return { ok: response.ok, text: (await response.text()).trim() };
  } catch (cause) {
    const reason = describeError(cause instanceof Error && cause.cause ? cause.cause : cause);
    throw bridgeError('HEALTH_NO_ANSWER', { address, reason }, { cause });
  }
}

/** What listens on every address is reached on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
