import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { asciiJson, setJsonMember } from './json-member.ts';

test('only the member changes, to the last character', () => {
  const text = '{\n  "a": 1.0,\n  "group_mappings": {"53": {}},\n  "big": 12345678901234567890 }\n';
  expect(setJsonMember(text, 'group_mappings', '{}')).toBe(
    '{\n  "a": 1.0,\n  "group_mappings": {},\n  "big": 12345678901234567890 }\n',
  );
  expect(setJsonMember(text, 'new', '1')).toBe(
    '{\n  "a": 1.0,\n  "group_mappings": {"53": {}},\n  "big": 12345678901234567890,\n  "new": 1 }\n',
  );
  expect(setJsonMember('{}', 'a', '[]')).toBe('{"a": []}');
  expect(setJsonMember('{"a":1,"a":2}', 'a', '3')).toBe('{"a":1,"a":3}');
});

test('of any object, with any spacing, the member is set and the others stay', () => {
  const key = fc.oneof(fc.constantFrom('a', '"', '\\', '}', ',', '{', 'é'), fc.string({ maxLength: 3 }));
  const value = fc.jsonValue({ maxDepth: 2 });
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { maxKeys: 5 }),
      key.filter((k) => k !== '__proto__'),
      value,
      fc.constantFrom('', '  ', '\t'),
      (object, name, set, indent) => {
        const before = JSON.stringify(object, null, indent);
        const after = setJsonMember(before, name, asciiJson(set, indent));
        const expected = { ...(JSON.parse(before) as object), [name]: JSON.parse(JSON.stringify(set)) as unknown };
        expect(JSON.parse(after)).toEqual(expected);
      },
    ),
    { numRuns: 1000 },
  );
});

test('ASCII alone', () => {
  const text = asciiJson({ ä: '😀\u007f' }, '');
  expect(text).toBe('{"\\u00e4":"\\ud83d\\ude00\\u007f"}');
  expect(JSON.parse(text)).toEqual({ ä: '😀\u007f' });
});
