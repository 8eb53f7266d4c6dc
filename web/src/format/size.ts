const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
/** Keeps a figure and its unit on one line. */
const narrowSpace = '\u202f';

/** Decimal units, three figures: `8.25 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would show as 1000 of its unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)}${narrowSpace}${units[unit]}`;
}

/** `1,053`. */
export function formatCount(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 file`, `24 files`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
