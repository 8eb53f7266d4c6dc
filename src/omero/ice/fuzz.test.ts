import { connect } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goldenVectors, type Vector } from '../../../test/support/golden-vectors.ts';
import { IceDecoder } from './decoder.ts';
import { MessageReader, frame, readReply, readRequests } from './messages.ts';
import { open, schema, serve, serveBytes, target } from './testing.ts';
import { IceConnectionError, IceDispatchError, IceException, IceMarshalError } from './values.ts';

// Frames of ZeroC's runtime, damaged: whatever arrives, it ends in an answer or a named error, soon and in little memory.
const vectors = goldenVectors();
const replies = vectors.filter((v) => v.kind === 'reply');
const requests = vectors.filter((v) => v.kind === 'request');

type Damage = (bytes: Buffer) => Buffer;

/** One change of a frame: a byte, a lying size, a cut, a piece that comes twice, a piece of another frame, a trailer. */
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => changed((b) => b.writeUInt8(byte, at % b.length))),
  fc
    .tuple(fc.nat(), fc.constantFrom(0x7fffffff, -1, -0x80000000, 0, 0x00ffffff, 255))
    .map(([at, size]) => changed((b) => b.length > 3 && b.writeInt32LE(size, at % (b.length - 3)))),
  fc.nat().map(
    (at): Damage =>
      (b) =>
        Buffer.from(b.subarray(0, at % (b.length + 1))),
  ),
  fc.tuple(fc.nat(), fc.nat(40)).map(([at, length]): Damage => (b) => {
    const from = at % b.length;
    return Buffer.concat([b.subarray(0, from), b.subarray(from, from + length), b.subarray(from)]);
  }),
  fc.tuple(fc.constantFrom(...vectors), fc.nat(), fc.nat()).map(([other, at, from]): Damage => (b) => {
    const piece = Buffer.from(other.hex, 'hex');
    return Buffer.concat([b.subarray(0, at % b.length), piece.subarray(from % piece.length)]);
  }),
  fc.uint8Array({ maxLength: 30 }).map(
    (more): Damage =>
      (b) =>
        Buffer.concat([b, more]),
  ),
);

/** A damaged body below a header that has the right length, as often as one that has not. */
function damaged(from: readonly Vector[]): fc.Arbitrary<{ vector: Vector; bytes: Buffer }> {
  return fc
    .tuple(fc.constantFrom(...from), fc.array(damage, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([vector, damages, framed]) => {
      const whole = Buffer.from(vector.hex, 'hex');
      const hurt = (bytes: Buffer): Buffer => damages.reduce((b, d) => (b.length === 0 ? b : d(b)), bytes);
      if (!framed) return { vector, bytes: hurt(whole) };
      return { vector, bytes: frame(vector.kind, hurt(Buffer.from(whole.subarray(14)))) };
    });
}

function changed(change: (bytes: Buffer) => unknown): Damage {
  return (bytes) => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };
}

/** Runs one decoding: a value or a marshal error, in bounded time. */
function decodesOrRefuses(decode: () => void): void {
  const started = performance.now();
  try {
    decode();
  } catch (error) {
    if (!(error instanceof IceMarshalError || error instanceof IceDispatchError)) throw error;
  }
  expect(performance.now() - started).toBeLessThan(1_000);
}

describe('damaged frames', () => {
  test('replies: a value or a marshal error', () => {
    fc.assert(
      fc.property(damaged(replies), ({ vector, bytes }) => {
        const shape = schema.operation(vector.interface, vector.operation);
        decodesOrRefuses(() => {
          for (const message of new MessageReader().push(bytes)) {
            if (message.type !== 'reply') continue;
            const reply = readReply(message);
            if (reply.status === 'failed') throw reply.error;
            const decoder = new IceDecoder(schema, reply.values);
            if (reply.status === 'userException') decoder.exception();
            else decoder.values(shape?.result ? [shape.result] : [], shape?.returnsInstances ?? false);
          }
        });
      }),
      { numRuns: 6_000 },
    );
  });

  test('requests: a value or a marshal error', () => {
    fc.assert(
      fc.property(damaged(requests), ({ vector, bytes }) => {
        const shape = schema.operation(vector.interface, vector.operation);
        decodesOrRefuses(() => {
          for (const message of new MessageReader().push(bytes)) {
            if (message.type !== 'request' && message.type !== 'batch') continue;
            for (const call of readRequests(message))
              new IceDecoder(schema, call.parameters).values(shape?.parameters ?? [], shape?.sendsInstances ?? false);
          }
        });
      }),
      { numRuns: 6_000 },
    );
  });

  test('sent by a server: each call of a client ends with a value or a named error', async () => {
    let answer: Buffer = Buffer.alloc(0);
    const port = await serveBytes((socket) => {
      socket.write(frame('validate'));
      // A cut frame would be waited for, as it must be: the line ends instead.
      socket.on('data', () => socket.end(answer));
    });
    await fc.assert(
      fc.asyncProperty(damaged(replies), async ({ vector, bytes }) => {
        // The number that the client gives its first request.
        answer = bytes.length >= 18 ? changed((b) => b.writeInt32LE(1, 14))(bytes) : bytes;
        const connection = await open(port, { timeoutMs: 2_000 });
        const shape = schema.operation(vector.interface, vector.operation);
        const empty = (shape?.parameters ?? []).map(() => undefined);
        const outcome = await connection.invoke(target, vector.interface, vector.operation, empty).catch((e) => e);
        connection.close();
        if (!(outcome instanceof Error)) return;
        const named = [IceMarshalError, IceException, IceDispatchError, IceConnectionError];
        expect(
          named.some((type) => outcome instanceof type),
          String(outcome),
        ).toBe(true);
        expect(outcome).not.toMatchObject({ failure: 'timeout' });
      }),
      { numRuns: 300 },
    );
  });

  test('sent by a client: the server answers or ends that connection, and serves the others', async () => {
    const server = await serve(async (request) => {
      for (const iface of ['IConfig', 'IUpdate', 'IQuery', 'RawFileStore', 'Router', 'ISession', 'ServiceFactory'])
        if (schema.operation(iface, request.operation)) request.arguments(iface);
      return request.operation === 'getVersion' ? '5.6' : undefined;
    });
    const good = await open(server.port);
    await fc.assert(
      fc.asyncProperty(damaged(requests), async ({ bytes }) => {
        await new Promise<void>((resolve) => {
          const socket = connect(server.port, '127.0.0.1', () => socket.end(bytes));
          socket.on('error', () => undefined);
          socket.on('close', () => resolve());
          socket.resume();
        });
        expect((await good.invoke(target, 'IConfig', 'getVersion', [])).result).toBe('5.6');
      }),
      { numRuns: 300 },
    );
  });

  test('headers that promise much and send little take no memory', async () => {
    const server = await serve(async () => undefined);
    const promise = frame('request', Buffer.alloc(1_000));
    promise.writeInt32LE(250 * 1024 * 1024, 10);
    const before = memory();
    const sockets = await Promise.all(
      Array.from(
        { length: 100 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(server.port, '127.0.0.1', () => socket.write(promise, () => resolve(socket)));
            socket.on('error', () => undefined);
          }),
      ),
    );
    const good = await open(server.port);
    await good.invoke(target, 'Object', 'ice_ping', []).catch(() => undefined);
    expect(memory() - before).toBeLessThan(64 * 1024 * 1024);
    for (const socket of sockets) socket.destroy();
  });
});

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
