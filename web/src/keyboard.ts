import { useEffect, useState } from 'react';

/** What single keys do, as the help says it. */
export const shortcuts: readonly [key: string, does: string][] = [
  ['/', 'Go to the search'],
  ['j', 'Next row of a list'],
  ['k', 'Row before'],
  ['Enter', 'Open the row'],
  ['f', 'Follow or pause the log, where the log has the focus'],
  ['?', 'This help'],
];

const offName = 'biomero-bridge.keys';

/** Single keys can be switched off: with speech input they get pressed by accident. */
export function keysAreOn(): boolean {
  return localStorage.getItem(offName) !== 'off';
}

export function switchKeys(on: boolean): void {
  if (on) localStorage.removeItem(offName);
  else localStorage.setItem(offName, 'off');
}

/** Listens for the single keys on every page; tells whether the help is asked for. */
export function useShortcuts(): { help: boolean; setHelp: (open: boolean) => void } {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) || document.querySelector('dialog[open]') !== null || !keysAreOn()) return;
      if (event.key === '?') setHelp(true);
      else if (event.key === '/') focusOn(document.querySelector<HTMLElement>('[data-search]'));
      else if (event.key === 'j') focusOn(rowFrom(1));
      else if (event.key === 'k') focusOn(rowFrom(-1));
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return { help, setHelp };
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, select, textarea, [contenteditable]') !== null;
}

function focusOn(element: HTMLElement | null): void {
  element?.focus();
  element?.scrollIntoView({ block: 'nearest' });
}

/** The row after or before the one with the focus; without one, the first. */
function rowFrom(step: 1 | -1): HTMLElement | null {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement);
  return rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))] ?? null;
}
