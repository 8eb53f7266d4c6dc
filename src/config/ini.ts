/**
 * Reads ini files by the rules of Python's `ConfigParser(allow_no_value=True)`, with which BIOMERO reads
 * `slurm-config.ini`: several files make one configuration, a later one wins key by key; `%` is the sign of
 * interpolation; a key twice in one file is an error. Checked against Python itself in `ini-python.test.ts`.
 */

/** What is wrong with an ini file, and where. */
export class IniError extends Error {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;

  constructor(file: string, line: number, reason: string) {
    super(reason);
    this.name = 'IniError';
    this.file = file;
    this.line = line;
  }
}

export interface IniValue {
  /** Null for a key without `=` or `:`. */
  readonly value: string | null;
  readonly file: string;
  readonly line: number;
}

interface Entry {
  lines: string[] | null;
  file: string;
  line: number;
}

type Section = Map<string, Entry>;

// Python's idea of white space; JavaScript's differs by the separators U+001C–1F, U+0085 and U+FEFF.
const space = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const edges = new RegExp(`^${space}+|${space}+$`, 'g');
const leading = new RegExp(`^${space}*`);
const option = new RegExp(`^(.*?)${space}*(?:[=:]${space}*(.*))?$`, 's');
const header = /^\[(.+)\]/s;
const maxDepth = 10;

export class Ini {
  readonly #sections = new Map<string, Section>();
  readonly #defaults: Section = new Map();

  /**
   * Adds a file's text. Throws IniError at the first line that Python would refuse; the instance is then unusable. With
   * `errors` it goes on and collects them all, passing over the lines that are wrong.
   */
  read(text: string, file: string, errors?: IniError[]): void {
    const seen = new Set<string>();
    let section: Section | null = null;
    let sectionName = '';
    let entry: Entry | null = null;
    let indent = 0;
    const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
    for (const [index, line] of lines.entries()) {
      const fail = (reason: string): void => {
        const error = new IniError(file, index + 1, reason);
        if (!errors) throw error;
        errors.push(error);
      };
      const value = strip(line);
      if (value.startsWith('#') || value.startsWith(';')) continue;
      if (!value) {
        entry?.lines?.push('');
        continue;
      }
      const lineIndent = leading.exec(line)?.[0].length ?? 0;
      if (entry && lineIndent > indent) {
        if (!entry.lines) fail('it continues a key that has no value');
        entry.lines?.push(value);
        continue;
      }
      indent = lineIndent;
      const name = header.exec(value)?.[1];
      if (name !== undefined) {
        if (name !== 'DEFAULT' && seen.has(sectionKey(name))) fail(`section [${name}] stands twice in this file`);
        seen.add(sectionKey(name));
        section = this.#section(name);
        sectionName = name;
        entry = null;
        continue;
      }
      if (!section) {
        fail('it stands before the first [SECTION]');
        continue;
      }
      const match = option.exec(value);
      const key = strip(match?.[1] ?? '').toLowerCase();
      if (!key) {
        fail('it is a value without a key');
        continue;
      }
      const id = `${sectionKey(sectionName)}\n${key}`;
      if (seen.has(id)) fail(`key ${key} stands twice in section [${sectionName}]`);
      seen.add(id);
      entry = { lines: match?.[2] === undefined ? null : [strip(match[2])], file, line: index + 1 };
      section.set(key, entry);
    }
  }

  /** Names of the sections, without DEFAULT. */
  sections(): string[] {
    return [...this.#sections.keys()];
  }

  /** Keys of a section, its own first, then those that it inherits from DEFAULT; none when there is no such section. */
  keys(section: string): string[] {
    if (!this.#sections.has(section)) return [];
    return [...new Set([...this.ownKeys(section), ...this.defaultKeys()])];
  }

  /** Keys of [DEFAULT]. */
  defaultKeys(): string[] {
    return [...this.#defaults.keys()];
  }

  /** Line of a section's own key or, with DEFAULT, of that section's. */
  lineOf(section: string, key: string): number | null {
    const entries = section === 'DEFAULT' ? this.#defaults : this.#sections.get(section);
    return entries?.get(key.toLowerCase())?.line ?? null;
  }

  /** Keys that stand in the section itself, in order, without those it inherits from DEFAULT. */
  ownKeys(section: string): string[] {
    return [...(this.#sections.get(section)?.keys() ?? [])];
  }

  /**
   * A value with its references resolved; from DEFAULT when the section lacks it; null when neither has it or there
   * is no such section. Throws IniError when `%` is used in a way that Python refuses.
   */
  get(section: string, key: string): IniValue | null {
    const entries = this.#sections.get(section);
    const name = key.toLowerCase();
    const entry = entries && (entries.get(name) ?? this.#defaults.get(name));
    if (!entry) return null;
    const { file, line } = entry;
    if (!entry.lines) return { value: null, file, line };
    const lookup = (k: string): Entry | undefined => entries.get(k) ?? this.#defaults.get(k);
    return { value: interpolate(textOf(entry.lines), lookup, entry, 1), file, line };
  }

  #section(name: string): Section {
    if (name === 'DEFAULT') return this.#defaults;
    const section = this.#sections.get(name) ?? new Map<string, Entry>();
    this.#sections.set(name, section);
    return section;
  }
}

function interpolate(raw: string, lookup: (key: string) => Entry | undefined, at: Entry, depth: number): string {
  const fail = (reason: string): never => {
    throw new IniError(at.file, at.line, reason);
  };
  if (depth > maxDepth) fail('references (%(name)s) that lead too deep or back to themselves');
  let result = '';
  for (let i = 0; i < raw.length;) {
    const percent = raw.indexOf('%', i);
    if (percent < 0) return result + raw.slice(i);
    result += raw.slice(i, percent);
    if (raw[percent + 1] === '%') {
      result += '%';
      i = percent + 2;
      continue;
    }
    const reference = /^%\(([^)]+)\)s/.exec(raw.slice(percent));
    if (!reference?.[1]) return fail('a single "%": write "%%" for the sign itself');
    const lines = lookup(reference[1].toLowerCase())?.lines;
    if (!lines) return fail(`a reference to ${reference[1]}, which has no value here`);
    const text = textOf(lines);
    result += text.includes('%') ? interpolate(text, lookup, at, depth + 1) : text;
    i = percent + reference[0].length;
  }
  return result;
}

function textOf(lines: string[]): string {
  return lines.join('\n').replace(new RegExp(`${space}+$`), '');
}

function strip(text: string): string {
  return text.replace(edges, '');
}

function sectionKey(name: string): string {
  return `[${name}]`;
}
