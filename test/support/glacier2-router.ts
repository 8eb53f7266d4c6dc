import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { IceConnection } from '../../src/omero/ice/connection.ts';
import { IceSchema } from '../../src/omero/ice/schema.ts';
import { findExecutable } from './optional-part.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { testCertificate, testKey } from './test-certificate.ts';

/** ZeroC's own router, or null where it is not installed. */
export const glacier2router = findExecutable('glacier2router');

const python = process.env['ZEROC_PYTHON'] ?? '/usr/bin/python3';
/** A Python with ZeroC's runtime, Debian's (`python3-zeroc-ice`) unless ZEROC_PYTHON names another; else null. */
export const zerocPython = spawnSync(python, ['-c', 'import Ice, Glacier2']).status === 0 ? python : null;

/** Starts a router, set as OMERO sets it, in front of a verifier and a session manager on a port of this machine. */
export async function startGlacier2(options: {
  readonly backPort: number;
  readonly ssl?: 'certificate' | 'anonymous' | undefined;
  /** Seconds. */
  readonly sessionTimeout?: number | undefined;
  /** Encoding of the router's own calls; our server reads 1.0 only. */
  readonly encoding?: '1.0';
  /** The port of a router that has ended; default: any free one. */
  readonly port?: number | undefined;
  /** Proxies that the router remembers for a client; OMERO has the default of 1000. */
  readonly routingTable?: number | undefined;
}): Promise<{ port: number; process: ChildProcess }> {
  const folder = await temporaryFolder('glacier2');
  const port = options.port ?? (await freePort());
  const back = `tcp -h 127.0.0.1 -p ${options.backPort}`;
  const settings: Record<string, string> = {
    'Glacier2.InstanceName': 'OMERO.Glacier2',
    'Glacier2.Client.Endpoints': `${options.ssl ? 'ssl' : 'tcp'} -h 127.0.0.1 -p ${port}`,
    'Glacier2.Client.ForwardContext': '1',
    'Glacier2.Server.Endpoints': 'tcp -h 127.0.0.1',
    'Glacier2.PermissionsVerifier': `verifier:${back}`,
    'Glacier2.SessionManager': `manager:${back}`,
    'Glacier2.SessionTimeout': String(options.sessionTimeout ?? 30),
    // As OMERO sets it, in KB: a long answer is larger than the default.
    'Ice.MessageSizeMax': '250000',
  };
  if (options.routingTable) settings['Glacier2.RoutingTable.MaxSize'] = String(options.routingTable);
  if (options.encoding) settings['Ice.Default.EncodingVersion'] = options.encoding;
  if (options.ssl) Object.assign(settings, await tlsSettings(folder, options.ssl));
  const file = join(folder, 'router.cfg');
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(file, lines.join(''));
  const process = childOfTest(glacier2router ?? '', [`--Ice.Config=${file}`]);
  await listening(port, process);
  return { port, process };
}

/** A process that ends with the test. */
export function childOfTest(command: string, args: readonly string[]): ChildProcess {
  const started = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => started.once('exit', resolve));
  onTestFinished(async () => {
    started.kill('SIGKILL');
    await ended;
  });
  return started;
}

async function tlsSettings(folder: string, kind: 'certificate' | 'anonymous'): Promise<Record<string, string>> {
  const plugin = { 'Ice.Plugin.IceSSL': 'IceSSL:createIceSSL', 'IceSSL.VerifyPeer': '0' };
  // OMERO.server as it is installed: no certificate, anonymous Diffie-Hellman.
  if (kind === 'anonymous') return { ...plugin, 'IceSSL.Ciphers': 'ADH:@SECLEVEL=0', 'IceSSL.Protocols': 'tls1_2' };
  await writeFile(join(folder, 'cert.pem'), testCertificate);
  await writeFile(join(folder, 'key.pem'), testKey);
  return { ...plugin, 'IceSSL.CertFile': join(folder, 'cert.pem'), 'IceSSL.KeyFile': join(folder, 'key.pem') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, process: ChildProcess): Promise<void> {
  const schema = IceSchema.omero();
  for (let i = 0; i < 100; i++) {
    if (process.exitCode !== null) throw new Error(`glacier2router ended with ${process.exitCode}`);
    const probe = await IceConnection.connect({ host: '127.0.0.1', port, schema, timeoutMs: 300 }).catch(
      (e: unknown) => e,
    );
    if (probe instanceof IceConnection) return probe.close();
    // A TLS port accepts the connection and then says nothing that we understand.
    if ((probe as { failure?: string }).failure !== 'unreachable') return;
    await sleep(50);
  }
  throw new Error('glacier2router does not listen');
}
