import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteForShell } from './quote.ts';

/** What a command receives when a real shell reads the quoted text: one argument per NUL-ended piece. */
function throughShell(words: readonly string[]): string[] {
  const script = quoteForShell([
    process.execPath,
    '-e',
    'for (const a of process.argv.slice(1)) process.stdout.write(a + "\\0")',
    '--',
    ...words,
  ]);
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

const printf = (words: readonly string[]): string =>
  execFileSync('/bin/sh', ['-c', quoteForShell(['printf', '%s\\0', ...words])], { encoding: 'utf8' });

const word = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...'\'"\\$`!*?[]{}()<>|&;~#=%^ \t\n\r-', 'a', 'é', '🜁'), maxLength: 30 }),
  )
  .filter((w) => !w.includes('\0') && !/\p{Cs}/u.test(w));

test('a shell hands every word on unchanged', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
      expect(printf(words)).toBe(words.map((w) => `${w}\0`).join(''));
    }),
    { numRuns: 300 },
  );
});

test('a program of its own receives exactly the words, empty ones too', () => {
  const words = ['', "it's", '$(touch /tmp/x)', '`id`', '--', '-rf', 'a\nb', '*', '~', 'ü\u202e', "''", '\\', '!!'];
  expect(throughShell(words)).toEqual(words);
});

test('reserved words and assignments are taken as command names', () => {
  // A folder in PATH that this user may not enter would make it "Permission denied".
  const options = { stdio: 'pipe', env: { PATH: '/usr/bin:/bin' } } as const;
  for (const word of ['if', 'A=b'])
    expect(() => execFileSync('/bin/sh', ['-c', quoteForShell([word])], options)).toThrow(/not found/);
});

test('what no argument list can hold is refused', () => {
  expect(() => quoteForShell(['a\0b'])).toThrow(TypeError);
  expect(() => quoteForShell([])).toThrow(TypeError);
});
