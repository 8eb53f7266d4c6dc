import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageFile } from '../../src/lib/package-root.ts';

export interface Peers {
  /** The router's port, plain TCP. */
  readonly port: number;
  stop(): void;
}

/** The servants of the tests on ZeroC's runtime for Python, behind ZeroC's router, as OMERO sets it. */
export async function startPeers(router: string, python: string, folder: string): Promise<Peers> {
  const children: ChildProcess[] = [];
  const stop = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  try {
    const script = packageFile('test', 'interop', 'omero_servants.py');
    const settings = ['Ice.Default.EncodingVersion=1.0', 'Ice.ThreadPool.Server.Size=4', 'Ice.MessageSizeMax=250000'];
    const servants = spawn(python, [script, '5.6.14', ...settings], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(servants);
    const [line] = (await once(createInterface({ input: servants.stdout }), 'line')) as [string];
    const back = `tcp -h 127.0.0.1 -p ${line.replace('ready ', '')}`;
    const port = await freePort();
    const file = join(folder, 'router.cfg');
    writeFileSync(
      file,
      `Glacier2.InstanceName=OMERO.Glacier2
Glacier2.Client.Endpoints=tcp -h 127.0.0.1 -p ${port}
Glacier2.Client.ForwardContext=1
Glacier2.Server.Endpoints=tcp -h 127.0.0.1
Glacier2.PermissionsVerifier=verifier:${back}
Glacier2.SessionManager=manager:${back}
Glacier2.SessionTimeout=120
Ice.MessageSizeMax=250000
`,
    );
    children.push(spawn(router, [`--Ice.Config=${file}`], { stdio: ['ignore', 'inherit', 'inherit'] }));
    await listening(port);
    return { port, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const socket = connect(port, '127.0.0.1');
    const there = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (there) return;
    await sleep(50);
  }
  throw new Error('the router does not listen');
}
