/** For tests: servers and connections that end with the test. */
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { IceConnection, type ConnectOptions } from './connection.ts';
import { IceSchema } from './schema.ts';
import { IceServer, type ListenOptions } from './server.ts';
import type { Dispatch } from './server-types.ts';

export const schema = IceSchema.omero();
export const target = { category: 'c', name: 'n' };

/** A server for one test; `dispatch` answers. */
export async function serve(dispatch: Dispatch, options: Partial<ListenOptions> = {}): Promise<IceServer> {
  const server = await IceServer.listen({ host: '127.0.0.1', port: 0, schema, dispatch, ...options });
  onTestFinished(() => server.close());
  return server;
}

/** A connection for one test. */
export async function open(port: number, options: Partial<ConnectOptions> = {}): Promise<IceConnection> {
  const connection = await IceConnection.connect({ host: '127.0.0.1', port, schema, timeoutMs: 5_000, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** A server of bytes instead of Ice. */
export async function serveBytes(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

export const never = (): Promise<never> => new Promise(() => undefined);
