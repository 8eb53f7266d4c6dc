import { createServer, type Server, type Socket } from 'node:net';
import type { Cluster } from './cluster.ts';

/** What a command sends to the daemon: one line of JSON, answered by one line. */
export interface Call {
  command: string;
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  uid: number;
  gid: number;
  user: string;
  host: string;
  /** Script file or standard input that `sbatch` read for us, with the reader's rights. */
  script: { text: string } | { error: string } | null;
}

export interface Answer {
  stdout: string;
  stderr: string;
  code: number;
}

export type Command = (call: Call, cluster: Cluster) => Answer;

export function answer(stdout: string): Answer {
  return { stdout, stderr: '', code: 0 };
}

export function refuse(stderr: string, code = 1): Answer {
  return { stdout: '', stderr: stderr.endsWith('\n') ? stderr : `${stderr}\n`, code };
}

/** A script together with an environment; more than the system allows for either. */
const longestCall = 64 * 1024 * 1024;

/** Serves calls on a unix socket. What goes wrong in a command is told to its caller and to `onError`. */
export function serveCalls(
  path: string,
  handle: (call: Call) => Answer,
  onError: (error: unknown) => void,
): Promise<{ server: Server; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(30_000, () => socket.destroy());
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > longestCall) return socket.destroy();
      if (!chunk.includes(0x0a)) return;
      let reply: Answer;
      try {
        reply = handle(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call);
      } catch (error) {
        onError(error);
        reply = refuse('slurm: error: the embedded Slurm failed; its log says why');
      }
      socket.end(`${JSON.stringify(reply)}\n`);
    });
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroySoon();
    });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve({ server, close }));
  });
}
