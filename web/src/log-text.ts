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

/** A carriage return writes over what stood there, so a line is what came last: progress bars become their end. */
export function plainLine(line: string): string {
  const text = line.replace(/\r+$/, '');
  return withoutControls(text.slice(text.lastIndexOf('\r') + 1)).slice(0, longestLine);
}

/** Drops the colours, cursor moves and window titles of terminals, and other control characters but the tab. */
function withoutControls(text: string): string {
  const [first = '', ...sequences] = text.split('\u001b');
  const rests = sequences.map((s) => (s.startsWith(']') ? afterTitle(s) : s.replace(/^\[[0-?]*[ -/]*[@-~]/, '')));
  return [first, ...rests].join('').replace(/[^\P{Cc}\t]/gu, '');
}

/** A window title goes up to a bell, else to the next escape. */
function afterTitle(sequence: string): string {
  const bell = sequence.indexOf('\u0007');
  return bell < 0 ? '' : sequence.slice(bell + 1);
}
