/**
 * A server that speaks Ice's protocol 1.0 and leaves the meaning of requests to a dispatch function. Requests of one
 * connection run at the same time; a connection that sends anything invalid is ended.
 */
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions as ServerTls } from 'node:tls';
import { IceDecoder } from './decoder.ts';
import { IceEncoder } from './encoder.ts';
import { MessageReader, defaultMaxMessageBytes, frame, readRequests, writeFailure, writeReply } from './messages.ts';
import type { IncomingCall } from './messages.ts';
import type { IceSchema, OperationShape } from './schema.ts';
import type { Dispatch, IceServerConnection } from './server-types.ts';
import { IceDispatchError, IceException, IceMarshalError } from './values.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly schema: IceSchema;
  /** node:tls server options (key, cert or anonymous ciphers); null or absent: plain TCP. */
  readonly tls?: ServerTls | null;
  readonly dispatch: Dispatch;
  readonly maxMessageBytes?: number;
}

export class IceServer {
  readonly port: number;
  readonly #server: Server;
  readonly #connections: Set<Connection>;

  private constructor(server: Server, connections: Set<Connection>) {
    this.#server = server;
    this.#connections = connections;
    this.port = (server.address() as AddressInfo).port;
  }

  static async listen(options: ListenOptions): Promise<IceServer> {
    const connections = new Set<Connection>();
    let lastId = 0;
    const accept = (socket: Socket): void => {
      const connection = new Connection(++lastId, socket, options);
      connections.add(connection);
      connection.onClose(() => connections.delete(connection));
    };
    const server = options.tls ? createTlsServer(options.tls, accept) : createTcpServer(accept);
    await new Promise<void>((resolve, reject) => {
      // Stays: an error after listening (too many open files) costs one connection, not the process.
      server.on('error', reject);
      server.listen(options.port, options.host, resolve);
    });
    return new IceServer(server, connections);
  }

  /** Says goodbye to every client and ends; requests under way go unanswered. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.close();
    await ended;
  }
}

class Connection implements IceServerConnection {
  readonly id: number;
  state: unknown = undefined;
  readonly #socket: Socket;
  readonly #options: ListenOptions;
  readonly #reader: MessageReader;
  #ended = false;
  #callbacks: (() => void)[] = [];

  constructor(id: number, socket: Socket, options: ListenOptions) {
    this.id = id;
    this.#socket = socket;
    this.#options = options;
    this.#reader = new MessageReader(options.maxMessageBytes ?? defaultMaxMessageBytes);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // 'close' follows and tells everybody; without this listener the error would end the process.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
      const callbacks = this.#callbacks;
      this.#callbacks = [];
      for (const callback of callbacks) callback();
    });
    socket.write(frame('validate'));
  }

  onClose(callback: () => void): void {
    if (this.#ended) callback();
    else this.#callbacks.push(callback);
  }

  close(): void {
    if (this.#ended) return;
    this.#socket.end(frame('close'));
    this.#socket.destroySoon();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#reader.push(chunk)) {
        if (message.type === 'close') this.#socket.destroySoon();
        else if (message.type === 'request' || message.type === 'batch')
          for (const call of readRequests(message)) void this.#answer(call);
      }
    } catch {
      this.#socket.destroy();
    }
  }

  async #answer(call: IncomingCall): Promise<void> {
    const reply = await this.#reply(call);
    if (call.requestId !== 0 && this.#socket.writable) this.#socket.write(reply);
  }

  /** Never rejects: every failure is a reply. */
  async #reply(call: IncomingCall): Promise<Buffer> {
    const { schema, dispatch } = this.#options;
    const { requestId, identity, facet, operation, context } = call;
    let shape: OperationShape | null = null;
    const decode = (iface: string): unknown[] => {
      shape = schema.operation(iface, operation);
      if (!shape) throw new IceDispatchError('operationNotExist', `${iface} has no ${operation}`);
      return new IceDecoder(schema, call.parameters).values(shape.parameters, shape.sendsInstances);
    };
    try {
      const result = await dispatch({ connection: this, identity, facet, operation, context, arguments: decode });
      const declared = shape as OperationShape | null;
      if (!declared && result !== undefined) throw new IceMarshalError(`the interface of ${operation} was never named`);
      return writeReply(requestId, 'ok', (out) => {
        if (!declared?.result) return;
        new IceEncoder(schema, out).values([declared.result], [result], declared.returnsInstances);
      });
    } catch (error) {
      return this.#failure(call, error);
    }
  }

  #failure(call: IncomingCall, error: unknown): Buffer {
    const { schema } = this.#options;
    try {
      if (error instanceof IceException)
        return writeReply(call.requestId, 'userException', (out) => new IceEncoder(schema, out).exception(error));
    } catch (unwritable) {
      return writeFailure(call.requestId, 'unknownUserException', call, String(unwritable));
    }
    if (error instanceof IceDispatchError) return writeFailure(call.requestId, error.failure, call, error.message);
    const kind = error instanceof IceMarshalError ? 'unknownLocalException' : 'unknownException';
    return writeFailure(call.requestId, kind, call, error instanceof Error ? error.message : 'unknown error');
  }
}
