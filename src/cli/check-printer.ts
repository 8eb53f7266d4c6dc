import { printable } from '../domain/errors.ts';
import type { CheckResult } from '../omero/check/check.ts';

const marks: Readonly<Record<CheckResult['outcome'], string>> = {
  passed: '✓',
  warning: '!',
  failed: '✗',
  skipped: '-',
};
const titleWidth = 30;
const plainWidth = 110;

/** One line per check, with what to do under those that need it; a terminal also shows the one that runs. */
export class CheckPrinter {
  readonly #out: NodeJS.WriteStream;
  #live = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  begin(title: string): void {
    if (!this.#out.isTTY) return;
    this.#clear();
    this.#out.write(`… ${title}`);
    this.#live = true;
  }

  end(result: CheckResult): void {
    this.#clear();
    this.#out.write(`${resultLines(result, Math.max(60, this.#out.columns || plainWidth)).join('\n')}\n`);
  }

  say(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#live) this.#out.write('\r\u001b[2K');
    this.#live = false;
  }
}

/** A result as it is printed, in lines of at most `width`. */
export function resultLines(result: CheckResult, width: number): string[] {
  const { outcome, title, remedy } = result;
  const detail = outcome === 'skipped' ? `not tried: ${result.detail}` : result.detail;
  const room = width - titleWidth - 1;
  const lines = wrap(printable(detail), room).map((text, i) =>
    i === 0 ? `${marks[outcome]} ${title.padEnd(titleWidth - 2)}${text}` : `${' '.repeat(titleWidth)}${text}`,
  );
  if (remedy === null || outcome === 'passed' || outcome === 'skipped') return lines;
  return [
    ...lines,
    ...wrap(`What to do: ${printable(remedy)}`, room).map((text) => `${' '.repeat(titleWidth)}${text}`),
  ];
}

/** `9 passed, 1 failed, 2 not tried.` */
export function countsLine(results: readonly CheckResult[]): string {
  const words = { passed: 'passed', warning: 'with a warning', failed: 'failed', skipped: 'not tried' } as const;
  const counts = Object.entries(words).flatMap(([outcome, word]) => {
    const n = results.filter((r) => r.outcome === outcome).length;
    return n > 0 ? [`${n} ${word}`] : [];
  });
  return `${counts.join(', ')}.`;
}

/** Breaks a text at its line breaks, and between words; a longer word, such as a path, stays whole. */
function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width));
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
