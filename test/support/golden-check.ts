import { expect } from 'vitest';
import { IceDecoder } from '../../src/omero/ice/decoder.ts';
import { IceEncoder } from '../../src/omero/ice/encoder.ts';
import {
  MessageReader,
  readReply,
  readRequests,
  writeReply,
  writeRequest,
  type Message,
} from '../../src/omero/ice/messages.ts';
import { IceSchema } from '../../src/omero/ice/schema.ts';
import { proxyTo, type IceObject } from '../../src/omero/ice/values.ts';
import type { Vector } from './golden-vectors.ts';

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

/** Reads a request of another runtime, expects its values, and writes it alike. */
export function checkRequest(vector: Vector): void {
  const shape = shapeOf(vector);
  const bytes = Buffer.from(vector.hex, 'hex');
  const [call] = readRequests(onlyMessage(bytes));
  if (!call) throw new Error('no call');
  expect(call).toMatchObject({
    identity: { category: 'category', name: 'name' },
    facet: 'facet',
    operation: vector.operation,
    context: new Map(Object.entries(vector.context ?? {})),
  });
  // 1, nonmutating, is the old word for idempotent that a few of Glacier2's operations keep; receivers take both.
  expect(call.mode === 1 ? 2 : call.mode).toBe(shape.mode);
  const expected = revive(vector.values ?? []) as unknown[];
  expect(new IceDecoder(schema, call.parameters).values(shape.parameters, shape.sendsInstances)).toEqual(expected);

  const ours = writeRequest(call.requestId, call, (out) =>
    new IceEncoder(schema, out).values(shape.parameters, expected, shape.sendsInstances),
  );
  expect(ours.length).toBe(bytes.length);
  if (vector.exact) expect(ours.toString('hex')).toBe(vector.hex);
}

/** The same for a reply, or an exception. */
export function checkReply(vector: Vector): void {
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
}

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
