/**
 * The one place where an argument list becomes text for a shell: `ssh` hands a remote command to the login shell as one
 * string. Every word is put in single quotes, inside which a POSIX shell gives no character a meaning; quoting also the
 * harmless ones keeps aliases and reserved words from being recognised.
 *
 * @throws TypeError for an empty list, and for NUL, which no argument can hold
 */
export function quoteForShell(argv: readonly string[]): string {
  if (argv.length === 0) throw new TypeError('an empty argument list names no command');
  return argv.map(quoteWord).join(' ');
}

/** One word in single quotes, as `quoteForShell` writes it. @throws TypeError for NUL */
export function quoteWord(word: string): string {
  if (word.includes('\0')) throw new TypeError('an argument cannot hold NUL');
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
