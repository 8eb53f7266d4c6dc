import { BridgeError, bridgeError } from '../domain/errors.ts';

/** One wrong value: where it stands, what was found (masked when secret), what is expected. */
export interface ConfigProblem {
  /** `environment`, or the path of a file. */
  readonly place: string;
  /** Variable, or key of the file; empty when the file as a whole is meant. */
  readonly key: string;
  /** The found value as shown to people; empty when nothing was found. */
  readonly found: string;
  readonly expected: string;
  /** Counted from 1, where the place is a file that was understood so far. */
  readonly line?: number | null;
}

/** CONFIG_INVALID with every problem on a line of its own. */
export function configInvalid(problems: readonly ConfigProblem[]): BridgeError {
  const count = problems.length === 1 ? '1 wrong value' : `${problems.length} wrong values`;
  return bridgeError('CONFIG_INVALID', { count, problems: problems.map((p) => `  ${problemText(p)}`).join('\n') });
}

export function problemText(problem: ConfigProblem): string {
  const { place, key, found, expected, line } = problem;
  const where = line ? `${place}:${line}` : place;
  const what = key ? `${where}: ${key}` : where;
  return `${what} ${found ? `is ${found}` : 'is not set'}; expected ${expected}`;
}

/** Why a file cannot be read, by the system's code. */
export function unreadable(code: string | undefined): string {
  if (code === 'EISDIR') return 'a folder, which container engines make where the file to mount is missing on the host';
  return `unreadable (${code ?? 'error'})`;
}

/** A found value on one line, quoted, cut; a secret never shows. */
export function shownValue(value: unknown, secret: boolean): string {
  if (secret) return 'set (its value is not shown)';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
