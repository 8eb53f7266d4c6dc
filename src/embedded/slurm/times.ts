/** Slurm's forms of time: local, to the second. Times are seconds since 1970. */

export function formatTime(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** How a caller wants times: its SLURM_TIME_FORMAT may ask for seconds since 1970. */
export function timeFormatter(env: Record<string, string>): (seconds: number) => string {
  return env['SLURM_TIME_FORMAT'] === '%s' ? String : formatTime;
}

/** `[days-]hh:mm:ss`, as accounting prints a duration; the queue leaves out leading zero fields (`short`). */
export function formatDuration(seconds: number, form: 'long' | 'short' = 'long'): string {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  const two = (n: number): string => String(n).padStart(2, '0');
  const rest = `${two(minutes)}:${two(seconds % 60)}`;
  if (days) return `${days}-${two(hours)}:${rest}`;
  if (form === 'long') return `${two(hours)}:${rest}`;
  return hours ? `${hours}:${rest}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * A time limit in minutes, begun minutes counting whole: `min`, `min:s`, `h:min:s`, `d-h`, `d-h:min`, `d-h:min:s`.
 * Null for no limit, undefined for what is none of these.
 */
export function parseTimeLimit(text: string): number | null | undefined {
  if (/^(unlimited|infinite|-1)$/i.test(text)) return null;
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text);
  if (!match) return undefined;
  const [days, a, b, c] = match.slice(1).map((part) => (part === undefined ? null : Number(part)));
  let seconds: number;
  if (typeof days === 'number') seconds = days * 86400 + (a ?? 0) * 3600 + (b ?? 0) * 60 + (c ?? 0);
  else if (typeof c === 'number') seconds = (a ?? 0) * 3600 + (b ?? 0) * 60 + c;
  else seconds = (a ?? 0) * 60 + (b ?? 0);
  const minutes = Math.ceil(seconds / 60);
  return minutes === 0 ? null : minutes;
}

/** A point in time as `--starttime` takes it; undefined for what is none. */
export function parseTime(text: string, now: number): number | undefined {
  if (text === 'midnight' || text === 'today') return startOfDay(now);
  const relative = /^now(?:([+-])(\d+)([a-z]*))?$/i.exec(text);
  if (relative) {
    const [, sign, count, unit] = relative;
    const size = count === undefined ? 0 : unitSeconds(unit ?? '');
    return size === undefined ? undefined : now + (sign === '-' ? -1 : 1) * Number(count ?? 0) * size;
  }
  const match = /^(\d{4})-(\d\d?)-(\d\d?)(?:T(\d\d?)(?::(\d\d))?(?::(\d\d))?)?$/.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 1, day = 1, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((n) => Number(n ?? 0));
  return Math.floor(new Date(year, month - 1, day, hours, minutes, seconds).getTime() / 1000);
}

export function startOfDay(seconds: number): number {
  return Math.floor(new Date(seconds * 1000).setHours(0, 0, 0, 0) / 1000);
}

function unitSeconds(unit: string): number | undefined {
  const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
  return unit === ''
    ? 1
    : /^(s|second|m|minute|h|hour|d|day|w|week)s?$/i.test(unit)
      ? units[unit[0]!.toLowerCase()]
      : undefined;
}
