/** Results as one tar stream, read once on arrival; through zstd where the connection is slow and both ends have it. */
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { commandEnvironment } from '../slurm/environment.ts';
import { spawnCommand } from '../slurm/spawn-command.ts';
import type { CommandStream } from '../slurm/transport.ts';
import { incomplete, type FarFolder, type FarList } from './far-folder.ts';
import { tarCommand, type FarTools } from './far-tools.ts';
import { IdleWatch } from './idle-watch.ts';
import { PipedTar } from './piped-tar.ts';
import type { Reception } from './reception.ts';
import { TarError, TarReader } from './tar-reader.ts';
import type { TransferOptions } from './transfer.ts';

/** Less than this is over before it was worth asking. */
const leastToCompress = 64 * 1024 * 1024;
/** Bytes per second from which zstd on one core would be the slower part. */
const fastEnough = 60e6;
const probeBytes = 4 * 1024 * 1024;

/** Takes the stream in. Throws TRANSFER_INCOMPLETE with what came and what tar said, or what the reception refused. */
export async function receiveTar(
  o: TransferOptions,
  folder: FarFolder,
  tools: FarTools,
  list: FarList,
  reception: Reception,
): Promise<void> {
  const compress = await worthCompressing(o, tools, list);
  if (compress) o.log.info({ job: o.jobId }, 'the connection is slow: results come through zstd');
  const piped = reception.worthOwnThread && !compress ? await openPipe(o) : null;
  // Nothing may be waited for between here and the first read: Node throws away what an ended command has left unread.
  const far = o.transport.stream(tarCommand(folder, tools, compress), {
    signal: o.signal,
    ...(piped ? { stdout: piped.descriptor } : {}),
  });
  piped?.handedOver();
  const plain = compress ? decompress(far, o.signal) : null;
  const stop = (): void => {
    far.kill();
    far.stdout.destroy();
    plain?.kill();
    piped?.stop();
  };
  if (piped) o.signal.addEventListener('abort', stop);
  if (o.signal.aborted) stop();
  const idleMs = o.idleMs ?? 300_000;
  const idle = new IdleWatch(idleMs, stop);
  if (piped) idle.watchElsewhere(piped.state);
  let failure: unknown;
  try {
    await reception.receive(piped ?? new TarReader(idle.watch((plain ?? far).stdout as AsyncIterable<Buffer>)));
  } catch (error) {
    failure = error;
    stop();
  } finally {
    idle.stop();
    o.signal.removeEventListener('abort', stop);
    await piped?.close();
  }
  const end = await far.finished.catch((error: unknown) => {
    o.signal.throwIfAborted();
    throw incomplete(folder, describeError(error), error);
  });
  const unpacked = await plain?.finished.catch((error: unknown) => ({ code: 1, stderr: describeError(error) }));
  o.signal.throwIfAborted();
  if (isBridgeError(failure)) throw failure;
  const said = `${end.stderr} ${unpacked?.stderr ?? ''}`.trim().slice(-500);
  const state = reception.state() + (said ? `; tar said: ${said}` : '');
  if (idle.expired) throw incomplete(folder, `nothing came for ${idleMs / 1000} s; ${state}`);
  if (failure instanceof TarError) throw incomplete(folder, `${failure.message}; ${state}`, failure);
  if (failure !== undefined) throw incomplete(folder, `${describeError(failure)}; ${state}`, failure);
  if (end.code !== 0) {
    await reception.complete().catch((error: unknown) => {
      throw incomplete(folder, `tar ended with exit ${end.code ?? 'by a signal'}; ${describeError(error)}; ${state}`);
    });
    throw incomplete(folder, `tar ended with exit ${end.code ?? 'by a signal'}; ${state}`);
  }
}

/** Null where there can be no named pipe: then the stream comes through the main thread, which takes longer. */
async function openPipe(o: TransferOptions): Promise<PipedTar | null> {
  return PipedTar.open().catch((error: unknown) => {
    o.log.info({ job: o.jobId, error: describeError(error) }, 'no named pipe can be made for the results');
    return null;
  });
}

function decompress(far: CommandStream, signal: AbortSignal): CommandStream {
  return spawnCommand(['zstd', '-d', '-q', '-c'], {
    stdin: far.stdout,
    signal,
    env: commandEnvironment(process.env),
  });
}

async function worthCompressing(o: TransferOptions, tools: FarTools, list: FarList): Promise<boolean> {
  const wanted = o.settings?.compress ?? 'off';
  if (wanted === 'off' || !tools.zstd || tools.tar !== 'GNU') return false;
  if (!(await hasZstd(o.signal))) return false;
  if (wanted === 'on') return true;
  return o.transport.kind === 'ssh' && list.bytes >= leastToCompress && (await bytesPerSecond(o)) < fastEnough;
}

async function hasZstd(signal: AbortSignal): Promise<boolean> {
  const probe = spawnCommand(['zstd', '--version'], { signal, env: commandEnvironment(process.env) });
  probe.stdout.resume();
  return probe.finished.then(
    ({ code }) => code === 0,
    () => false,
  );
}

async function bytesPerSecond(o: TransferOptions): Promise<number> {
  const argv = ['dd', 'if=/dev/urandom', 'bs=65536', `count=${probeBytes / 65536}`];
  const far = o.transport.stream(argv, { signal: o.signal, timeoutMs: 30_000 });
  let bytes = 0;
  let first = 0;
  for await (const part of far.stdout as AsyncIterable<Buffer>) {
    if (first === 0) first = performance.now();
    else bytes += part.length;
  }
  const { code } = await far.finished;
  if (code !== 0) throw bridgeError('CLUSTER_UNREACHABLE', { cluster: o.transport.name, reason: 'dd failed there' });
  return bytes / Math.max(0.001, (performance.now() - first) / 1000);
}
