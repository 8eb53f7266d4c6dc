/** A command line in the way of Slurm's commands: `--name=value`, `--name value`, `-nvalue`, `-n value`, switches. */
export interface ParsedOptions {
  values: Map<string, string>;
  switches: Set<string>;
  rest: string[];
  /** An option that is not known, as it was given. */
  unknown: string | null;
}

export interface OptionNames {
  /** Options with a value: long name, and the letter it may be given by. */
  values: Readonly<Record<string, string | null>>;
  switches: Readonly<Record<string, string | null>>;
}

export function parseOptions(argv: readonly string[], names: OptionNames): ParsedOptions {
  const parsed: ParsedOptions = { values: new Map(), switches: new Set(), rest: [], unknown: null };
  const byLetter = (letter: string, table: OptionNames['values']): string | undefined =>
    Object.entries(table).find(([, l]) => l === letter)?.[0];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word);
    if (long?.[1]) {
      const name = long[1].toLowerCase();
      if (name in names.switches && long[2] === undefined) parsed.switches.add(name);
      else if (name in names.values) parsed.values.set(name, long[2] ?? argv[++i] ?? '');
      else parsed.unknown ??= word;
    } else if (/^-[A-Za-z]/.test(word)) {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at] ?? '';
        const toggle = byLetter(letter, names.switches);
        if (toggle) {
          parsed.switches.add(toggle);
          continue;
        }
        const value = byLetter(letter, names.values);
        if (value) parsed.values.set(value, word.slice(at + 1) || (argv[++i] ?? ''));
        else parsed.unknown ??= `-${letter}`;
        break;
      }
    } else {
      // What follows the script's name are its own arguments.
      parsed.rest.push(...argv.slice(i));
      break;
    }
  }
  return parsed;
}

/** Slurm's time limits: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS. Minutes, rounded up; null: not one. */
export function parseTimeLimit(text: string): number | null {
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text);
  if (!match) return null;
  const [days, a, b, c] = [match[1], match[2], match[3], match[4]].map((t) => (t === undefined ? null : Number(t)));
  const seconds =
    days !== null && days !== undefined
      ? days * 86400 + (a ?? 0) * 3600 + (b ?? 0) * 60 + (c ?? 0)
      : c !== null && c !== undefined
        ? (a ?? 0) * 3600 + (b ?? 0) * 60 + c
        : (a ?? 0) * 60 + (b ?? 0);
  return Math.ceil(seconds / 60);
}
