import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeState, encodeState, JsonText, UuidValue } from './transcoding.ts';

test('a state is written as Python writes it', () => {
  expect(
    encodeState({
      timestamp: new Date('2026-11-23T06:16:33.662Z'),
      task_id: new UuidValue('63C1E778-76ad-43b5-82fa-ef3a073fcbc9'),
      name: 'Zellkerne – 核',
      job_id: 12345,
      progress: null,
    }),
  ).toBe(
    '{"timestamp":{"_type_":"datetime_iso","_data_":"2026-11-23T06:16:33.662000+00:00"},' +
      '"task_id":{"_type_":"uuid_hex","_data_":"63c1e77876ad43b582faef3a073fcbc9"},' +
      '"name":"Zellkerne – 核","job_id":12345,"progress":null}',
  );
});

test('what Python wrote is read, in every form of time', () => {
  const time = (text: string): unknown =>
    decodeState(`{"t":{"_type_":"datetime_iso","_data_":${JSON.stringify(text)}}}`)['t'];
  for (const text of [
    '2026-11-23T06:16:33.662009+00:00',
    '2026-11-23T06:16:33.662Z',
    '2026-11-23T08:16:33.662009+02:00',
    '2026-11-23T06:16:33.662',
  ])
    expect(time(text)).toEqual(new Date('2026-11-23T06:16:33.662Z'));
  expect(time('2026-11-23T06:16:33+00:00')).toEqual(new Date('2026-11-23T06:16:33Z'));
  expect(decodeState('{"d":{"_type_":"decimal_str","_data_":"1.10"},"extra":{"_type_":1,"_data_":2,"x":3}}')).toEqual({
    d: '1.10',
    extra: { _type_: 1, _data_: 2, x: 3 },
  });
});

test('what cannot be read is an error', () => {
  for (const state of [
    'gAAAA',
    '[]',
    '{"a":{"_type_":"tuple_as_list","_data_":"x"}}',
    '{"a":{"_type_":"uuid_hex","_data_":"12"}}',
    '{"a":{"_type_":"datetime_iso","_data_":"today"}}',
    '{"a":{"_type_":"datetime_iso","_data_":["2026"]}}',
  ])
    expect(() => decodeState(Buffer.from(state)), state).toThrow();
});

test('user data in the form of a transcoded value is refused, at any depth', () => {
  const trap = { _type_: 'uuid_hex', _data_: 'x' };
  expect(() => encodeState({ params: trap })).toThrow(expect.objectContaining({ code: 'TRACKING_VALUE_REFUSED' }));
  expect(() => encodeState({ params: { list: [{ deep: trap }] } })).toThrow('reserved');
  expect(() => new JsonText(JSON.stringify({ a: [trap] }))).toThrow('reserved');
  expect(() => new JsonText('{"a":')).toThrow('no JSON');
  expect(() => encodeState({ params: { x: Number.NaN } })).toThrow('finite');
});

test('JSON text keeps its numbers to the letter', () => {
  expect(encodeState({ params: new JsonText('{"diameter": 30.0, "n": 1}') })).toBe(
    '{"params":{"diameter": 30.0, "n": 1}}',
  );
});

test('what no PostgreSQL text can hold is replaced', () => {
  expect(encodeState({ '\0': 'a\0b\ud83d', ok: '😀' })).toBe('{"\ufffd":"a\ufffdb\ufffd","ok":"😀"}');
});

test('any JSON comes back as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' })), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as Record<string, never>;
      expect(decodeState(Buffer.from(encodeState(plain)))).toEqual(plain);
    }),
  );
});
