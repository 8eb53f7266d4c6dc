const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const space = '\u202f';

const two = (n: number): string => String(n).padStart(2, '0');

/** In the reader's zone: `14:15` today, `16 Sep 17:48` this year, else with the year. */
export function formatTime(at: Date, now: Date): string {
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) return clock;
  const year = at.getFullYear() === now.getFullYear() ? '' : ` ${at.getFullYear()}`;
  return `${at.getDate()} ${months[at.getMonth()]}${year} ${clock}`;
}

/** As `formatTime`, with seconds: for times within a run. */
export function formatTimeExactly(at: Date, now: Date): string {
  return `${formatTime(at, now)}:${two(at.getSeconds())}`;
}

/** The whole of it, for titles: `2026-09-17 14:15:50 (UTC+2)`. */
export function formatFully(at: Date): string {
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} (${formatOffset(-at.getTimezoneOffset())})`;
}

/** `UTC`, `UTC+2`, `UTC-3:30`. */
export function formatOffset(minutes: number): string {
  if (minutes === 0) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '-' : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${two(rest)}` : ''}`;
}

/** `2 s ago`, `42 min ago`, `3 h ago`, `5 days ago`; what lies ahead by a wrong clock is now. */
export function formatAgo(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime();
  if (ms < second) return 'now';
  if (ms < minute) return `${Math.floor(ms / second)}${space}s ago`;
  if (ms < hour) return `${Math.floor(ms / minute)}${space}min ago`;
  if (ms < day) return `${Math.floor(ms / hour)}${space}h ago`;
  const days = Math.floor(ms / day);
  return days === 1 ? '1 day ago' : `${days} days ago`;
}

/** Two units at most: `0.2 s`, `31 min 16 s`, `3 h 8 min`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < 9950) return `${(value / second).toFixed(1)}${space}s`;
  const seconds = Math.round(value / second);
  if (seconds < 60) return `${seconds}${space}s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(value / minute);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(value / hour);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  const first = `${large}${space}${largeUnit}`;
  return small ? `${first} ${small}${space}${smallUnit}` : first;
}
