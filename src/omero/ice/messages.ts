/** Framing of Ice's protocol 1.0: a 14-byte header, then the body of a request, batch, reply, validation or farewell. */
import { IceInput } from './input.ts';
import { IceOutput } from './output.ts';
import {
  IceDispatchError,
  IceMarshalError,
  dispatchFailures,
  type DispatchFailure,
  type IceIdentity,
} from './values.ts';

export const messageTypes = { request: 0, batch: 1, reply: 2, validate: 3, close: 4 } as const;
export type MessageType = keyof typeof messageTypes;
const typeNames = Object.keys(messageTypes) as MessageType[];

const headerBytes = 14;
/** Larger messages are refused: a big projection of OMERO takes a few MB. */
export const defaultMaxMessageBytes = 256 * 1024 * 1024;

export interface Message {
  readonly type: MessageType;
  readonly body: Buffer;
}

/** A whole message with header. */
export function frame(type: MessageType, body: Uint8Array = new Uint8Array()): Buffer {
  const message = Buffer.allocUnsafe(headerBytes + body.length);
  message.write('IceP', 'latin1');
  message.set([1, 0, 1, 0, messageTypes[type], 0], 4);
  message.writeInt32LE(message.length, 10);
  message.set(body, headerBytes);
  return message;
}

/** Cuts a stream of bytes into messages; throws IceMarshalError at the first header that is none. */
export class MessageReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #wanted = headerBytes;

  constructor(maxBytes = defaultMaxMessageBytes) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): Message[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const messages: Message[] = [];
    // Joined only when a message is whole: a large one in many chunks is copied once.
    while (this.#buffered >= this.#wanted) {
      const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      this.#chunks = [bytes];
      const { type, length } = this.#header(bytes);
      this.#wanted = length;
      if (bytes.length < length) break;
      messages.push({ type, body: bytes.subarray(headerBytes, length) });
      const rest = bytes.subarray(length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#buffered = rest.length;
      this.#wanted = headerBytes;
    }
    return messages;
  }

  #header(bytes: Buffer): { type: MessageType; length: number } {
    if (bytes.toString('latin1', 0, 4) !== 'IceP') throw new IceMarshalError('the other side does not speak Ice');
    if (bytes[4] !== 1) throw new IceMarshalError(`Ice protocol ${bytes[4]}.${bytes[5]} is not 1.0`);
    const type = typeNames[bytes.readUInt8(8)];
    if (type === undefined) throw new IceMarshalError(`message type ${bytes[8]} is unknown`);
    if (bytes[9] === 2) throw new IceMarshalError('a message is compressed, which was never offered');
    const length = bytes.readInt32LE(10);
    if (length < headerBytes || length > this.#maxBytes)
      throw new IceMarshalError(`a message of ${length} bytes is outside the limits (${this.#maxBytes} at most)`);
    return { type, length };
  }
}

export interface RequestHead {
  readonly identity: IceIdentity;
  readonly facet: string;
  readonly operation: string;
  readonly mode: number;
  readonly context: Map<string, string>;
}

/** A request; `requestId` 0 wants no reply. */
export function writeRequest(requestId: number, head: RequestHead, parameters: (out: IceOutput) => void): Buffer {
  const out = new IceOutput();
  out.int(requestId);
  out.identity(head.identity);
  out.facet(head.facet);
  out.string(head.operation);
  out.byte(head.mode);
  out.context(head.context);
  out.encapsulation(() => parameters(out));
  return frame('request', out.bytes());
}

export interface IncomingCall extends RequestHead {
  readonly requestId: number;
  readonly parameters: IceInput;
}

/** The calls of a request message (one) or a batch (any number, none wants a reply). */
export function readRequests(message: Message): IncomingCall[] {
  const input = new IceInput(message.body);
  const batch = message.type === 'batch';
  const calls: IncomingCall[] = [];
  const count = batch ? input.int() : 1;
  // The smallest request takes 13 bytes; a claim of more would only spin.
  if (count < 0 || count * 13 > message.body.length) throw new IceMarshalError(`a batch of ${count} requests`);
  for (let i = 0; i < count; i++) {
    const requestId = batch ? 0 : input.int();
    const identity = input.identity();
    const facet = input.facet();
    const operation = input.string();
    const mode = input.byte();
    const context = input.context();
    calls.push({ requestId, identity, facet, operation, mode, context, parameters: input.encapsulation() });
  }
  input.expectEnd();
  return calls;
}

/** A reply that carries values (`ok`) or a user exception. */
export function writeReply(
  requestId: number,
  status: 'ok' | 'userException',
  values: (out: IceOutput) => void,
): Buffer {
  const out = new IceOutput();
  out.int(requestId);
  out.byte(status === 'ok' ? 0 : 1);
  out.encapsulation(() => values(out));
  return frame('reply', out.bytes());
}

/** A reply that says why the call was not dispatched. */
export function writeFailure(requestId: number, failure: DispatchFailure, head: RequestHead, text: string): Buffer {
  const out = new IceOutput();
  out.int(requestId);
  const status = dispatchFailures[failure];
  out.byte(status);
  if (status <= 4) {
    out.identity(head.identity);
    out.facet(head.facet);
    out.string(head.operation);
  } else {
    out.string(text);
  }
  return frame('reply', out.bytes());
}

export type Reply =
  | { readonly requestId: number; readonly status: 'ok' | 'userException'; readonly values: IceInput }
  | { readonly requestId: number; readonly status: 'failed'; readonly error: IceDispatchError };

export function readReply(message: Message): Reply {
  const input = new IceInput(message.body);
  const requestId = input.int();
  const status = input.byte();
  if (status <= 1) {
    const values = input.encapsulation();
    input.expectEnd();
    return { requestId, status: status === 0 ? 'ok' : 'userException', values };
  }
  const failure = (Object.keys(dispatchFailures) as DispatchFailure[]).find((f) => dispatchFailures[f] === status);
  if (!failure) throw new IceMarshalError(`reply status ${status} is unknown`);
  if (status > 4) return { requestId, status: 'failed', error: new IceDispatchError(failure, input.string()) };
  const { category, name } = input.identity();
  const facet = input.facet();
  const what = `${category === '' ? '' : `${category}/`}${name}${facet === '' ? '' : ` -f ${facet}`}`;
  const operation = input.string();
  return { requestId, status: 'failed', error: new IceDispatchError(failure, `${failure}: ${operation} on ${what}`) };
}
