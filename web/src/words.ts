/** Sizes, times and durations as people read them here. */

/** `8.25 GB`: decimal, three figures, a narrow no-break space. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}\u202f${units[unit]}`;
}

/** `0.4 s`, `31 min 16 s`, `2 h 05 min`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Today `14:15`, older `16 Sep 17:48`, of another year `16 Sep 2025 17:48`. */
export function timeText(iso: string, now = new Date()): string {
  const date = new Date(iso);
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (date.toDateString() === now.toDateString()) return clock;
  const year = date.getFullYear() === now.getFullYear() ? '' : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${months[date.getMonth()]}${year} ${clock}`;
}

/** The whole of a time, for titles: `2026-09-17 14:15:50 (UTC+2)`. */
export function fullTimeText(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockText(iso)} (${offsetText(-date.getTimezoneOffset())})`;
}

/** `UTC`, `UTC+2`, `UTC-3:30`. */
export function offsetText(minutes: number): string {
  if (minutes === 0) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '-' : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`;
}

/** Within a run: `14:15:50`. */
export function clockText(iso: string): string {
  return new Date(iso).toLocaleTimeString('en-GB');
}

/** `just now`, `42 min ago`, `3 h ago`, `5 d ago`. */
export function agoText(iso: string, now = Date.now()): string {
  const minutes = Math.floor((now - Date.parse(iso)) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 1440)} d ago`;
}

/** The first letter large, the rest as it is. */
export function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1 file`, `41,208 files`; `2 entries` with their word given. */
export function numberText(count: number, noun: string, many = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : many}`;
}

/** `3 of 12 images`, `1 of 1 image`. */
export function countText(done: number, total: number, noun: string): string {
  return `${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${total === 1 ? noun : `${noun}s`}`;
}
