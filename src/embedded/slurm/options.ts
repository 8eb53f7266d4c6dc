/** Reads command lines as `getopt_long` does: short and long options, abbreviations, values attached or apart. */

export interface OptionSpec {
  long: string;
  short?: string;
  value: 'none' | 'required' | 'optional';
}

export interface ParsedOptions {
  /** Long name and value, in the order given; an option without a value has `''`. */
  options: [name: string, value: string][];
  rest: string[];
}

export class UsageError extends Error {}

/**
 * Splits arguments into options and the rest. `stopAtFirst`: what follows the first argument that is no option belongs
 * to it (a script and its own arguments).
 *
 * @throws UsageError with the text that the C library prints, without the command's name
 */
export function parseOptions(
  argv: readonly string[],
  specs: readonly OptionSpec[],
  stopAtFirst = false,
): ParsedOptions {
  const options: ParsedOptions['options'] = [];
  const rest: string[] = [];
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return { options, rest: [...rest, ...queue] };
    if (word.startsWith('--')) {
      const [, name = '', value] = /^--([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
      const spec = findLong(name, specs);
      if (spec.value === 'none' && value !== undefined)
        throw new UsageError(`option '--${spec.long}' doesn't allow an argument`);
      const next = spec.value === 'required' && value === undefined ? queue.shift() : value;
      if (spec.value === 'required' && next === undefined)
        throw new UsageError(`option '--${spec.long}' requires an argument`);
      options.push([spec.long, next ?? '']);
    } else if (word.startsWith('-') && word !== '-') {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at] ?? '';
        const spec = specs.find((s) => s.short === letter);
        if (!spec) throw new UsageError(`invalid option -- '${letter}'`);
        if (spec.value === 'none') {
          options.push([spec.long, '']);
          continue;
        }
        const attached = word.slice(at + 1);
        const value = attached !== '' || spec.value === 'optional' ? attached : queue.shift();
        if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
        options.push([spec.long, value]);
        break;
      }
    } else {
      rest.push(word);
      if (stopAtFirst) return { options, rest: [...rest, ...queue] };
    }
  }
  return { options, rest };
}

function findLong(name: string, specs: readonly OptionSpec[]): OptionSpec {
  const exact = specs.find((s) => s.long === name);
  if (exact) return exact;
  const found = specs.filter((s) => s.long.startsWith(name));
  if (found.length === 1 && found[0] && name) return found[0];
  throw new UsageError(found.length > 1 ? `option '--${name}' is ambiguous` : `unrecognized option '--${name}'`);
}

/** Option tables in short: `name`, `name|n` for a letter, then `=` for a required and `=?` for an optional value. */
export function optionTable(text: string): OptionSpec[] {
  return text
    .trim()
    .split(/\s+/)
    .map((entry) => {
      const [, long = '', short, value] = /^([^|=]+)(?:\|(.))?(=\??)?$/.exec(entry) ?? [];
      return {
        long,
        ...(short ? { short } : {}),
        value: value === undefined ? 'none' : value === '=' ? 'required' : 'optional',
      };
    });
}
