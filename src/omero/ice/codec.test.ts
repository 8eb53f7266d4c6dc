import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IceDecoder } from './decoder.ts';
import { IceEncoder } from './encoder.ts';
import { IceInput } from './input.ts';
import { IceOutput } from './output.ts';
import { IceSchema } from './schema.ts';
import { anyInstance, anyValue } from '../../../test/support/ice-values.ts';
import { holdsInstances, parseType, type IceType } from './types.ts';
import { IceException, IceMarshalError, proxyTo, type IceObject } from './values.ts';

const schema = IceSchema.omero();

function encode(type: IceType, value: unknown, by = schema): Buffer {
  const out = new IceOutput();
  new IceEncoder(by, out).values([type], [value], holdsInstances(type));
  return out.bytes();
}

function decode(type: IceType, bytes: Uint8Array, by = schema): unknown {
  return new IceDecoder(by, new IceInput(bytes)).values([type], holdsInstances(type))[0];
}

/** Every type that a member, parameter or result of the schema has. */
const allTypes = [
  ...new Map(
    [
      ...[...schema.classes.values(), ...schema.exceptions.values()].flatMap((s) => s.members.map((m) => m.type)),
      ...[...schema.interfaces.values()].flatMap((i) =>
        [...i.values()].flatMap((o) => [...o.parameters, ...(o.result ? [o.result] : [])]),
      ),
    ].map((type) => [JSON.stringify(type), type]),
  ).values(),
];

describe('round trip', () => {
  test.each(allTypes.map((type) => [JSON.stringify(type), type] as const))('%s', (_, type) => {
    fc.assert(
      fc.property(anyValue(schema, type, 2), (value) => {
        expect(decode(type, encode(type, value))).toEqual(value);
      }),
      { numRuns: 15 },
    );
  });

  test.each([...schema.classes.keys()])('class %s', (typeId) => {
    fc.assert(
      fc.property(anyInstance(schema, typeId, 2), (object) => {
        expect(decode({ kind: 'class', typeId }, encode({ kind: 'class', typeId }, object))).toEqual(object);
      }),
      { numRuns: 10 },
    );
  });

  test.each([...schema.exceptions.keys()])('exception %s', (typeId) => {
    const members = schema.exceptionLineage(typeId).flatMap((s) => s.members);
    const arbitrary = fc.record(Object.fromEntries(members.map((m) => [m.name, anyValue(schema, m.type, 1)])));
    fc.assert(
      fc.property(arbitrary, (values) => {
        const out = new IceOutput();
        new IceEncoder(schema, out).exception(new IceException(typeId, values));
        const back = new IceDecoder(schema, new IceInput(out.bytes())).exception();
        expect(back.typeId).toBe(typeId);
        expect(back.members).toEqual({ ...values });
      }),
      { numRuns: 10 },
    );
  });

  test('shared and cyclic references keep their identity', () => {
    const event: IceObject = { $type: '::omero::model::Event' };
    const session: IceObject = { $type: '::omero::model::Session', eventsSeq: [event, event] };
    event['session'] = session;
    event['containingEvent'] = event;
    const type = parseType('[::omero::model::IObject]');
    const [a, b] = decode(type, encode(type, [session, event])) as [IceObject, IceObject];
    expect(a['eventsSeq']).toEqual([b, b]);
    expect((a['eventsSeq'] as IceObject[])[0]).toBe(b);
    expect(b['session']).toBe(a);
    expect(b['containingEvent']).toBe(b);
  });

  test('a chain of 50,000 instances needs no recursion', () => {
    let event: IceObject | null = null;
    for (let i = 0; i < 50_000; i++) event = { $type: '::omero::model::Event', containingEvent: event };
    const type = parseType('::omero::model::Event');
    let back = decode(type, encode(type, event)) as IceObject | null;
    let length = 0;
    for (; back; back = back['containingEvent'] as IceObject | null) length++;
    expect(length).toBe(50_000);
  });
});

describe('what the schema lacks', () => {
  const older = new IceSchema({
    classes: { '::a::Base': { members: { name: 'string' } } },
    exceptions: { '::a::Failure': { members: { reason: 'string' } } },
    interfaces: {},
  });
  const newer = new IceSchema({
    classes: {
      '::a::Base': { members: { name: 'string', added: 'int' } },
      '::a::Derived': { base: '::a::Base', members: { other: '::a::Derived', blob: 'bytes' } },
      '::b::Stranger': { members: { x: 'long' } },
    },
    exceptions: {
      '::a::Failure': { members: { reason: 'string' } },
      '::a::Detailed': { base: '::a::Failure', members: { detail: 'int' } },
      '::b::Unheard': { members: { x: 'int' } },
    },
    interfaces: {},
  });
  const type = parseType('[@]');

  test('an unknown class becomes its nearest known base, an added member is skipped', () => {
    const derived = { $type: '::a::Derived', name: 'n', added: 7, other: null, blob: new Uint8Array([1, 2]) };
    const bytes = encode(type, [derived, { $type: '::a::Base', name: 'm', added: 8 }], newer);
    expect(decode(type, bytes, older)).toEqual([
      { $type: '::a::Base', $sliced: '::a::Derived', name: 'n' },
      { $type: '::a::Base', name: 'm' },
    ]);
  });

  test('a class without any known base becomes a bare object', () => {
    const bytes = encode(type, [{ $type: '::b::Stranger', x: 1 }], newer);
    expect(decode(type, bytes, older)).toEqual([{ $type: '::Ice::Object', $sliced: '::b::Stranger' }]);
  });

  test('an unknown exception becomes its nearest known base', () => {
    const out = new IceOutput();
    new IceEncoder(newer, out).exception(new IceException('::a::Detailed', { reason: 'why', detail: 3 }));
    const back = new IceDecoder(older, new IceInput(out.bytes())).exception();
    expect([back.typeId, back.members, back.message]).toEqual(['::a::Failure', { reason: 'why' }, 'why']);
  });

  test('an exception of no known base is a marshal error that names it', () => {
    const out = new IceOutput();
    new IceEncoder(newer, out).exception(new IceException('::b::Unheard', { x: 1 }));
    expect(() => new IceDecoder(older, new IceInput(out.bytes())).exception()).toThrow(/::b::Unheard/);
  });
});

describe('values that cannot be written as asked are refused', () => {
  test.each([
    ['int', 2 ** 31],
    ['int', 1.5],
    ['int', '1'],
    ['byte', -1],
    ['long', 2 ** 60],
    ['long', '1'],
    ['long', Number.NaN],
    ['bool', 1],
    ['string', 7],
    ['string', 'lone \ud800 surrogate'],
    ['bytes', [1, 2]],
    ['[int]', 'text'],
    ['{string:string}', { a: 'b' }],
    ['::omero::RLong', { $type: '::omero::RString', val: 'x' }],
    ['@', { $type: '::omero::NoSuchClass' }],
    ['@', { val: 1 }],
    ['@', { $type: '::omero::RLong', value: 1 }],
    ['*', proxyTo('category', '')],
  ])('%s from %o', (text, value) => {
    expect(() => encode(parseType(text), value)).toThrow(IceMarshalError);
  });
});

test('a bigint beyond a long is refused', () => {
  expect(() => encode(parseType('long'), 2n ** 63n)).toThrow(IceMarshalError);
  expect(decode(parseType('long'), encode(parseType('long'), -(2n ** 63n)))).toBe(-(2n ** 63n));
});

describe('hostile bytes', () => {
  const type = parseType('[::omero::model::IObject]');
  const dataset = {
    $type: '::omero::model::Dataset',
    id: { $type: '::omero::RLong', val: 5 },
    name: { $type: '::omero::RString', val: 'name' },
  };
  const valid = Buffer.from(encode(type, [dataset, dataset, null]));

  test('every truncation is a marshal error', () => {
    for (let length = 0; length < valid.length; length++)
      expect(() => decode(type, valid.subarray(0, length)), `${length} bytes`).toThrow(IceMarshalError);
  });

  test('a changed byte gives a value or a marshal error, quickly', () => {
    const change = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(change, (changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        const started = performance.now();
        try {
          decode(type, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(IceMarshalError);
        }
        expect(performance.now() - started).toBeLessThan(500);
      }),
      { numRuns: 1500 },
    );
  });

  test('a size beyond the message allocates nothing', () => {
    const claim = Buffer.from([255, 0xff, 0xff, 0xff, 0x7f, 0]);
    for (const text of ['string', 'bytes', '[long]', '[bool]', '{long:string}', '[[int]]'])
      expect(() => decode(parseType(text), claim), text).toThrow(IceMarshalError);
  });

  test.each([
    ['a reference to an instance that never comes', '::omero::RLong', [0xfe, 0xff, 0xff, 0xff, 0]],
    ['an instance where a reference belongs', '::omero::RLong', [1, 0, 0, 0, 0]],
    ['bytes after the last value', 'bool', [1, 0]],
    ['a bool of 2', 'bool', [2]],
    ['text that is not UTF-8', 'string', [2, 0xc3, 0x28]],
    ['a negative size', 'string', [255, 0xff, 0xff, 0xff, 0xff]],
    ['a type number that was never given', '@', [0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 1, 9, 4, 0, 0, 0]],
  ])('%s', (_, text, bytes) => {
    expect(() => decode(parseType(text), Buffer.from(bytes))).toThrow(IceMarshalError);
  });

  test('a replacement character that was sent is text like any other', () => {
    expect(decode({ kind: 'string' }, encode({ kind: 'string' }, 'a\ufffdb'))).toBe('a\ufffdb');
  });
});
