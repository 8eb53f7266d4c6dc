import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { IceDecoder } from './decoder.ts';
import { IceEncoder } from './encoder.ts';
import { MessageReader, frame, readReply, readRequests, writeReply, writeRequest, type Message } from './messages.ts';
import { IceSchema } from './schema.ts';
import { proxyTo, type IceObject } from './values.ts';

/** Messages that ZeroC's own runtime wrote: our codec must read them, and write them alike. */
interface Vector {
  kind: 'request' | 'reply';
  name: string;
  interface: string;
  operation: string;
  hex: string;
  values?: unknown[];
  context?: Record<string, string>;
  /** At most one instance per batch: the order of instances, which is free, cannot differ. */
  exact?: boolean;
  value?: unknown;
  exception?: string;
  members?: Record<string, unknown>;
}
const { vectors } = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as { vectors: Vector[] };
const schema = IceSchema.omero();

function shapeOf(vector: Vector) {
  const shape = schema.operation(vector.interface, vector.operation);
  if (!shape) throw new Error(`no operation ${vector.operation}`);
  return shape;
}

function onlyMessage(bytes: Uint8Array): Message {
  const messages = new MessageReader().push(Buffer.from(bytes));
  if (messages.length !== 1 || !messages[0]) throw new Error(`${messages.length} messages`);
  return messages[0];
}

describe('requests of another runtime', () => {
  test.each(vectors.filter((v) => v.kind === 'request').map((v) => [v.name, v] as const))('%s', (_, vector) => {
    const shape = shapeOf(vector);
    const bytes = Buffer.from(vector.hex, 'hex');
    const [call] = readRequests(onlyMessage(bytes));
    if (!call) throw new Error('no call');
    expect(call).toMatchObject({
      identity: { category: 'category', name: 'name' },
      facet: 'facet',
      operation: vector.operation,
      mode: shape.mode,
      context: new Map(Object.entries(vector.context ?? {})),
    });
    const expected = revive(vector.values ?? []) as unknown[];
    expect(new IceDecoder(schema, call.parameters).values(shape.parameters, shape.sendsInstances)).toEqual(expected);

    const ours = writeRequest(call.requestId, call, (out) =>
      new IceEncoder(schema, out).values(shape.parameters, expected, shape.sendsInstances),
    );
    expect(ours.length).toBe(bytes.length);
    if (vector.exact) expect(ours.toString('hex')).toBe(vector.hex);
  });
});

describe('replies of another runtime', () => {
  test.each(vectors.filter((v) => v.kind === 'reply').map((v) => [v.name, v] as const))('%s', (_, vector) => {
    const shape = shapeOf(vector);
    const bytes = Buffer.from(vector.hex, 'hex');
    const reply = readReply(onlyMessage(bytes));
    if (reply.status === 'failed') throw reply.error;
    const decoder = new IceDecoder(schema, reply.values);
    if (vector.exception !== undefined) {
      expect(reply.status).toBe('userException');
      const exception = decoder.exception();
      expect([exception.typeId, exception.members]).toEqual([vector.exception, revive(vector.members)]);
      const ours = writeReply(reply.requestId, 'userException', (out) =>
        new IceEncoder(schema, out).exception(exception),
      );
      // ZeroC writes the exception's most derived slice first, and so do we: the same bytes.
      expect(ours.toString('hex')).toBe(vector.hex);
      return;
    }
    expect(reply.status).toBe('ok');
    const results = shape.result ? [shape.result] : [];
    const values = decoder.values(results, shape.returnsInstances);
    const expected = shape.result ? [revive(vector.value)] : [];
    if (shape.result?.kind === 'proxy') {
      expect(values).toMatchObject([
        { identity: { category: 'session-1', name: 'query' }, facet: 'f', endpoints: [{ type: 1 }] },
      ]);
    } else {
      expect(values).toEqual(expected);
    }
    const ours = writeReply(reply.requestId, 'ok', (out) =>
      new IceEncoder(schema, out).values(results, values, shape.returnsInstances),
    );
    expect(ours.length).toBe(bytes.length);
    if (!shape.returnsInstances) expect(ours.toString('hex')).toBe(vector.hex);
  });
});

// By hand from the protocol's description: header, then the body byte by byte.
describe('messages written by hand', () => {
  const hex = (text: string): string => text.replace(/\s+|#.*$/gm, '');

  test('a sign of life', () => {
    expect(frame('validate').toString('hex')).toBe(
      hex(`49636550 # IceP
           01 00    # protocol 1.0
           01 00    # encoding 1.0
           03 00    # ValidateConnection, not compressed
           0e000000 # 14 bytes`),
    );
  });

  test('a farewell', () => {
    expect(frame('close').toString('hex')).toBe('496365500100010004000e000000');
  });

  test('a request with a context and a long', () => {
    const shape = schema.operation('RawFileStore', 'truncate');
    const head = {
      identity: { category: 'c', name: 'n' },
      facet: '',
      operation: 'truncate',
      mode: shape?.mode ?? 0,
      context: new Map([['g', '-1']]),
    };
    const bytes = writeRequest(5, head, (out) =>
      new IceEncoder(schema, out).values(shape?.parameters ?? [], [258], false),
    );
    expect(bytes.toString('hex')).toBe(
      hex(`49636550 01000100 00 00 35000000 # Request, 53 bytes
           05000000             # request number
           016e 0163            # identity: name, category
           00                   # no facet
           08 7472756e63617465  # operation
           02                   # idempotent
           01 0167 022d31       # context: one entry, g = -1
           0e000000 01 00       # encapsulation: 14 bytes, encoding 1.0
           0201000000000000     # the long`),
    );
  });

  test('an instance, its type ids and the end of the list', () => {
    const out = writeReply(1, 'ok', (o) =>
      new IceEncoder(schema, o).values(
        [
          { kind: 'class', typeId: '::omero::RType' },
          { kind: 'class', typeId: null },
        ],
        [{ $type: '::omero::RInt', val: 3 }, null],
        true,
      ),
    );
    const id = (text: string): string => Buffer.from(text).toString('hex');
    expect(out.toString('hex').slice(28)).toBe(
      hex(`01000000 00                   # request number, ok
           53000000 01 00                # encapsulation: 83 bytes
           ffffffff 00000000             # instance 1; null
           01 01000000                   # one instance follows: number 1
           00 0d ${id('::omero::RInt')}  # its type id, as text
           08000000 03000000             # slice of 8 bytes: the int
           00 0e ${id('::omero::RType')}
           04000000                      # an empty slice
           00 0d ${id('::Ice::Object')}
           05000000 00                   # the root's slice: no facets
           00                            # no more instances`),
    );
  });
});

/** golden.json's notation to our values. */
function revive(json: unknown, instances = new Map<number, IceObject>()): unknown {
  if (Array.isArray(json)) return json.map((v) => revive(v, instances));
  if (typeof json !== 'object' || json === null) return json;
  const o = json as Record<string, unknown>;
  if ('$bytes' in o) return new Uint8Array(Buffer.from(String(o['$bytes']), 'hex'));
  if ('$long' in o) return BigInt(String(o['$long']));
  if ('$ref' in o) return instances.get(Number(o['$ref']));
  if ('$map' in o)
    return new Map((o['$map'] as [unknown, unknown][]).map(([k, v]) => [revive(k, instances), revive(v, instances)]));
  if ('$proxy' in o) {
    const { category, name, facet } = o['$proxy'] as { category: string; name: string; facet: string };
    return proxyTo(category, name, facet);
  }
  const object: Record<string, unknown> = {};
  if ('$id' in o) instances.set(Number(o['$id']), object as IceObject);
  for (const [name, value] of Object.entries(o)) if (name !== '$id') object[name] = revive(value, instances);
  return object;
}

test('every vector was read', () => {
  expect(vectors.length).toBeGreaterThan(25);
  expect(vectors.some((v) => v.exception === '::omero::ValidationException')).toBe(true);
});
