/**
 * A client's connection to one Ice server: many requests in flight, each with its own time-out and AbortSignal. A request
 * that timed out or was aborted may still have been carried out by the server.
 */
import type { Socket } from 'node:net';
import { IceDecoder } from './decoder.ts';
import { IceEncoder } from './encoder.ts';
import {
  MessageReader,
  defaultMaxMessageBytes,
  frame,
  readReply,
  readRequests,
  writeFailure,
  writeRequest,
} from './messages.ts';
import type { Message, Reply } from './messages.ts';
import type { IceSchema } from './schema.ts';
import { openSocket, type TlsOptions } from './tls.ts';
import { IceConnectionError, IceMarshalError } from './values.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** null or absent: plain TCP. */
  readonly tls?: TlsOptions | null;
  readonly schema: IceSchema;
  /** For connecting, and for each request that names none; milliseconds, default 30 s. */
  readonly timeoutMs?: number;
  readonly maxMessageBytes?: number;
}

export interface InvokeOptions {
  readonly context?: ReadonlyMap<string, string> | Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Waiting {
  settle(reply: Reply): void;
  fail(error: unknown): void;
}

const farewellMs = 2_000;

export class IceConnection {
  /** Resolves when the connection has ended: null when we closed it, else why. Never rejects. */
  readonly closed: Promise<Error | null>;
  readonly #socket: Socket;
  readonly #schema: IceSchema;
  readonly #timeoutMs: number;
  readonly #reader: MessageReader;
  readonly #waiting = new Map<number, Waiting>();
  #lastRequest = 0;
  #end: { error: Error | null } | null = null;
  #resolveClosed: (error: Error | null) => void = () => undefined;
  #validated: { resolve(): void; reject(error: Error): void } | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  private constructor(socket: Socket, options: ConnectOptions) {
    this.#socket = socket;
    this.#schema = options.schema;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#reader = new MessageReader(options.maxMessageBytes ?? defaultMaxMessageBytes);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (cause) =>
      this.#ended(new IceConnectionError('lost', `the connection broke: ${cause.message}`, { cause })),
    );
    socket.on('close', () => this.#ended(new IceConnectionError('lost', 'the server ended the connection')));
  }

  /** Connects and waits for the server's validation message. Throws IceConnectionError. */
  static async connect(options: ConnectOptions): Promise<IceConnection> {
    const timeoutMs = options.timeoutMs ?? 30_000;
    const socket = await openSocket(options.host, options.port, options.tls ?? null, timeoutMs);
    const connection = new IceConnection(socket, options);
    await connection.#validation(`${options.host}:${options.port}`, timeoutMs);
    return connection;
  }

  /**
   * Calls an operation of an interface of the schema. Throws IceException for what the operation declares,
   * IceDispatchError when the server could not dispatch it, IceConnectionError (`timeout`, `lost`, `closed`), the
   * signal's reason when aborted, and IceMarshalError when arguments or answer do not fit the schema.
   * OMERO's operations have no out parameters: `out` is empty.
   */
  async invoke(
    target: { category: string; name: string; facet?: string },
    iface: string,
    operation: string,
    args: readonly unknown[],
    options: InvokeOptions = {},
  ): Promise<{ result: unknown; out: unknown[] }> {
    const shape = this.#schema.operation(iface, operation);
    if (!shape) throw new IceMarshalError(`the schema has no operation ${iface}.${operation}`);
    options.signal?.throwIfAborted();
    if (this.#end) throw this.#end.error ?? new IceConnectionError('closed', 'the connection was closed');
    const context = options.context instanceof Map ? options.context : new Map(Object.entries(options.context ?? {}));
    const requestId = (this.#lastRequest = (this.#lastRequest % 0x7fffffff) + 1);
    const head = { identity: target, facet: target.facet ?? '', operation, mode: shape.mode, context };
    const bytes = writeRequest(requestId, head, (out) =>
      new IceEncoder(this.#schema, out).values(shape.parameters, args, shape.sendsInstances),
    );
    const reply = await this.#exchange(requestId, bytes, `${iface}.${operation}`, options);
    if (reply.status === 'failed') throw reply.error;
    const decoder = new IceDecoder(this.#schema, reply.values);
    if (reply.status === 'userException') throw decoder.exception();
    const [result] = decoder.values(shape.result ? [shape.result] : [], shape.returnsInstances);
    return { result, out: [] };
  }

  /** Sends a sign of life every so many milliseconds, also while requests are under way; 0 stops it. */
  heartbeat(everyMs: number): void {
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    if (everyMs <= 0 || this.#end) return;
    this.#heartbeat = setInterval(() => this.#socket.write(frame('validate')), everyMs);
    this.#heartbeat.unref();
  }

  /** Says goodbye and ends; requests under way fail with IceConnectionError `closed`. */
  close(): void {
    if (this.#end) return;
    this.#socket.end(frame('close'));
    setTimeout(() => this.#socket.destroy(), farewellMs).unref();
    this.#ended(null);
  }

  async #validation(where: string, timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#validated = { resolve, reject };
        timer = setTimeout(
          () => reject(new IceConnectionError('timeout', `${where} accepted the connection and said nothing`)),
          timeoutMs,
        );
      });
    } catch (error) {
      this.#ended(error as Error);
      this.#socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#validated = null;
    }
  }

  async #exchange(requestId: number, bytes: Buffer, what: string, options: InvokeOptions): Promise<Reply> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const { signal } = options;
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<Reply>((settle, fail) => {
        this.#waiting.set(requestId, { settle, fail });
        onAbort = () => fail(signal?.reason as Error);
        signal?.addEventListener('abort', onAbort, { once: true });
        const late = `${what} was not answered within ${timeoutMs} ms`;
        timer = setTimeout(() => fail(new IceConnectionError('timeout', late)), timeoutMs);
        this.#socket.write(bytes);
      });
    } finally {
      this.#waiting.delete(requestId);
      clearTimeout(timer);
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#end) return;
    try {
      for (const message of this.#reader.push(chunk)) this.#handle(message);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      this.#ended(new IceConnectionError('protocol', `the server sent no valid Ice message: ${text}`, { cause }));
      this.#socket.destroy();
    }
  }

  #handle(message: Message): void {
    switch (message.type) {
      case 'validate':
        this.#validated?.resolve();
        return;
      case 'reply': {
        // The answer to a request that nobody waits for any more is dropped here.
        const reply = readReply(message);
        this.#waiting.get(reply.requestId)?.settle(reply);
        return;
      }
      case 'close':
        this.#ended(new IceConnectionError('closed', 'the server closed the connection'));
        this.#socket.destroy();
        return;
      case 'request':
      case 'batch':
        // Callbacks: none was ever registered.
        for (const call of readRequests(message))
          if (call.requestId !== 0) this.#socket.write(writeFailure(call.requestId, 'objectNotExist', call, ''));
    }
  }

  #ended(error: Error | null): void {
    if (this.#end) return;
    this.#end = { error };
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    const reason = error ?? new IceConnectionError('closed', 'the connection was closed');
    this.#validated?.reject(reason);
    for (const waiting of this.#waiting.values()) waiting.fail(reason);
    this.#resolveClosed(error);
  }
}
