import { describe, expect, test } from 'vitest';
import { checkReply, checkRequest } from '../../../test/support/golden-check.ts';
import { goldenVectors } from '../../../test/support/golden-vectors.ts';
import { IceEncoder } from './encoder.ts';
import { frame, writeReply, writeRequest } from './messages.ts';
import { IceSchema } from './schema.ts';

// Messages that ZeroC's own runtime wrote: our codec must read them, and write them alike.
const vectors = goldenVectors();
const schema = IceSchema.omero();

describe('requests of another runtime', () => {
  test.each(vectors.filter((v) => v.kind === 'request').map((v) => [v.name, v] as const))('%s', (_, vector) => {
    checkRequest(vector);
  });
});

describe('replies of another runtime', () => {
  test.each(vectors.filter((v) => v.kind === 'reply').map((v) => [v.name, v] as const))('%s', (_, vector) => {
    checkReply(vector);
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

test('every vector was read', () => {
  expect(vectors.length).toBeGreaterThan(25);
  expect(vectors.some((v) => v.exception === '::omero::ValidationException')).toBe(true);
});
