import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { settingOf, type SettingName } from './settings-table.ts';
import type { Origin } from './config.ts';
import { shownValue, type ConfigProblem } from './problems.ts';

/** A value as found, with where it came from. */
export interface Found {
  readonly text: string;
  /** `environment` or the path of a file. */
  readonly place: string;
  readonly key: string;
  /** Line of the file, counted from 1; null where there is none. */
  readonly line: number | null;
  readonly secret: boolean;
  /** Form to name when the value is wrong. */
  readonly form: string;
}

/** Turns a text into a value, or null when it has not the expected form; `{wrong}` says what was found instead. */
export type Parse<T> = (text: string) => T | null | { readonly wrong: string };

/** Reads a variable of the table and notes its origin under a path in Config. */
export type Take = <T>(path: string, name: SettingName, parse: Parse<T>, fallback: T) => T;

/**
 * Collects what loading finds: values with their origin, problems, and notes. Nothing throws on a wrong value, so that
 * all problems are reported together.
 */
export class Values {
  readonly problems: ConfigProblem[] = [];
  readonly notes: string[] = [];
  /** Origin by path in Config, such as `omero.host`. */
  readonly origins: Record<string, Origin> = {};
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** A variable of the table; empty counts as unset. Reads `<name>_FILE` where the table allows it: a secret's only when nobody else may. */
  variable(name: SettingName): Found | null {
    const { secret = false, file = false, form } = settingOf(name);
    const direct = this.raw(name, form, secret);
    const path = file ? this.raw(`${name}_FILE`, 'the path of a file that can be read', false) : null;
    if (!path) return direct;
    if (direct) {
      this.wrong({ ...direct, form: `only one of ${name} and ${name}_FILE` });
      return null;
    }
    try {
      // Looked at before it is read, on one descriptor: a secret that others may read is none.
      const { bytes, others } = readFileOf(path.text, secret);
      const text = bytes.replace(/\r?\n$/, '');
      if (others) this.notes.push(`${path.key} names ${JSON.stringify(path.text)}, ${others}.`);
      if (text === '') this.wrong({ ...path, form: 'a file that is not empty' });
      return text === '' ? null : { text, place: path.text, key: name, line: null, secret, form };
    } catch (error) {
      if (error instanceof ReadableByOthers) {
        this.wrong(path, error.message);
        return null;
      }
      this.wrong({ ...path, form: `${path.form} (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})` });
      return null;
    }
  }

  /** A variable that is named by another setting's row, such as GPU_GRES. */
  raw(name: string, form: string, secret: boolean): Found | null {
    const text = this.#env[name];
    return text === undefined || text === ''
      ? null
      : { text, place: 'environment', key: name, line: null, secret, form };
  }

  /**
   * Parses the first candidate that was found, else takes the default, and notes the origin under `path`. `name`: what
   * would change the default.
   */
  take<T>(path: string, candidates: readonly (Found | null)[], parse: Parse<T>, fallback: T, name = ''): T {
    const found = candidates.find((candidate) => candidate !== null);
    if (!found) {
      this.origins[path] = { place: 'default', key: name, line: null };
      return fallback;
    }
    const { place, key, line } = found;
    this.origins[path] = { place, key, line };
    const value = parse(found.text);
    if (value === null) this.wrong(found);
    else if (typeof value === 'object' && 'wrong' in value) this.wrong(found, value.wrong);
    else return value;
    return fallback;
  }

  /** `take` for variables of the table alone. */
  readonly takeVariable: Take = (path, name, parse, fallback) =>
    this.take(path, [this.variable(name)], parse, fallback, name);

  /** Notes a wrong value. */
  wrong(found: Found, instead?: string): void {
    const shown = instead ?? shownValue(found.text, found.secret);
    const { place, key, line, form: expected } = found;
    this.problems.push({ place, key, found: shown, expected, line });
  }

  /** Notes a value that must be set and is not. */
  missing(name: SettingName, why: string): void {
    const { form } = settingOf(name);
    this.problems.push({ place: 'environment', key: name, found: '', expected: `${form} (${why})` });
  }
}

class ReadableByOthers extends Error {}

/** Where container engines mount secrets. Their modes follow from the host's file, and nobody else is in the container. */
const secretMounts = /^(?:\/var)?\/run\/secrets\//;

function readFileOf(path: string, secret: boolean): { bytes: string; others: string | null } {
  const file = openSync(path, 'r');
  try {
    const mode = fstatSync(file).mode & 0o777;
    const open = secret && (mode & 0o077) !== 0;
    const others = `which others may read (mode ${mode.toString(8).padStart(4, '0')}: \`chmod 600\` it)`;
    const mounted = (mode & 0o022) === 0 && secretMounts.test(resolve(path));
    if (open && !mounted) throw new ReadableByOthers(`${JSON.stringify(path)}, ${others}`);
    return { bytes: readFileSync(file, 'utf8'), others: open ? others : null };
  } finally {
    closeSync(file);
  }
}

export const text: Parse<string> = (value) => (value.trim() === '' ? null : value.trim());

export const path: Parse<string> = (value) =>
  value.trim() === '' || value.includes('\0') ? null : resolve(value.trim());

/** A secret is taken as it is, with its spaces. */
export const verbatim: Parse<string> = (value) => value;

export const absolutePath: Parse<string> = (value) => (isAbsolute(value.trim()) ? value.trim() : null);

/** A secret that nobody guesses. */
export const token: Parse<string> = (value) => (/^[\x21-\x7e]{16,}$/.test(value) ? value : null);

/** As BIOMERO reads switches. */
export const bool: Parse<boolean> = (value) => {
  const word = value.trim().toLowerCase();
  if (['true', '1', 'yes', 'y', 'on'].includes(word)) return true;
  return ['false', '0', 'no', 'n', 'off'].includes(word) ? false : null;
};

export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Parse<number> {
  return (value) => {
    const n = /^\d{1,16}$/.test(value.trim()) ? Number(value.trim()) : Number.NaN;
    return n >= min && n <= max ? n : null;
  };
}

export function decimal(min: number, max: number): Parse<number> {
  return (value) => {
    const n = /^\d{1,9}(\.\d{1,9})?$/.test(value.trim()) ? Number(value.trim()) : Number.NaN;
    return n >= min && n <= max ? n : null;
  };
}

export function oneOf<const T extends string>(...words: T[]): Parse<T> {
  return (value) => words.find((word) => word === value.trim()) ?? null;
}

/** A JSON array of words, the first of them not empty. */
export const command: Parse<readonly string[]> = (value) => {
  try {
    const words: unknown = JSON.parse(value);
    if (!Array.isArray(words) || !words.every((w): w is string => typeof w === 'string' && !w.includes('\0')))
      return null;
    return words[0] ? words : null;
  } catch {
    return null;
  }
};

/** As Java's `-Xmx` takes it: at least 64 MB. */
export const javaMemory: Parse<string> = (value) => {
  const [, digits = '', unit = ''] = /^(\d{1,7})([mg])$/i.exec(value.trim()) ?? [];
  const megabytes = Number(digits) * (unit.toLowerCase() === 'g' ? 1024 : 1);
  return megabytes >= 64 ? `${digits}${unit.toLowerCase()}` : null;
};

/** Permissions in octal digits that hold at least these bits. */
export function mode(least: number): Parse<number> {
  return (value) => {
    const bits = /^[0-7]{3,4}$/.test(value.trim()) ? Number.parseInt(value.trim(), 8) : 0;
    return (bits & least) === least ? bits : null;
  };
}

export const identity: Parse<{ uid: number; gid: number }> = (value) => {
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(value.trim());
  return match ? { uid: Number(match[1]), gid: Number(match[2]) } : null;
};

/** SHA-256, as 64 lower-case digits. */
export const fingerprint: Parse<string> = (value) => {
  const digits = value
    .trim()
    .replace(/^sha256[ :=]*(fingerprint=)?/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : null;
};

export const webAddress: Parse<string> = (value) => {
  const url = URL.canParse(value.trim()) ? new URL(value.trim()) : null;
  if (url?.username || url?.password) return { wrong: 'an address with a password in it' };
  return url && /^https?:$/.test(url.protocol) ? url.href : null;
};

/** `smtp://` or `smtps://` with a host. */
export const smtpAddress: Parse<string> = (value) => {
  const url = URL.canParse(value.trim()) ? new URL(value.trim()) : null;
  return url && /^smtps?:$/.test(url.protocol) && url.hostname !== '' ? url.href : null;
};

/** A bare address: no name beside it, nothing that could add a header. */
export const mailAddress: Parse<string> = (value) =>
  /^[^\s<>,;:"()@]+@[\w.-]+$/.test(value.trim()) ? value.trim() : null;

export const mailAddresses: Parse<readonly string[]> = (value) => {
  const addresses = value.split(',').map((part) => part.trim());
  return addresses.every((address) => mailAddress(address) !== null) ? addresses : null;
};
