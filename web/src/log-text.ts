/** A terminal's log as lines of plain text. */
export interface LogText {
  lines: readonly string[];
  /** The last line as it came, while its end has not. */
  rest: string;
  /** Lines that were dropped to keep the page light. */
  dropped: number;
}

export const emptyLog: LogText = { lines: [], rest: '', dropped: 0 };

const keptLines = 5_000;
/** A program that never ends its line must not fill the memory. */
const longestLine = 20_000;

/** Adds a piece; a piece may end anywhere. */
export function appendLog(log: LogText, piece: string): LogText {
  if (!piece) return log;
  const parts = (log.rest + piece).split('\n');
  let rest = parts.pop() ?? '';
  if (rest.length > longestLine) rest = rest.slice(-longestLine);
  const lines = [...log.lines, ...parts.map(plainLine)];
  const over = Math.max(0, lines.length - keptLines);
  return { lines: over ? lines.slice(over) : lines, rest, dropped: log.dropped + over };
}

/** All lines, with the unfinished one when it says something. */
export function shownLines(log: LogText): readonly string[] {
  const last = plainLine(log.rest);
  return last ? [...log.lines, last] : log.lines;
}

// Colours and cursor moves of terminals, window titles, and what is left of other control characters.
// oxlint-disable-next-line no-control-regex
const escapes =
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[\0-\u0008\u000b-\u001f\u007f]/g;

/** A carriage return writes over what stood there, so a line is what came last: progress bars become their end. */
export function plainLine(line: string): string {
  const text = line.replace(/\r+$/, '');
  return text
    .slice(text.lastIndexOf('\r') + 1)
    .replace(escapes, '')
    .slice(0, longestLine);
}
