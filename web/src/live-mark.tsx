import { useSyncExternalStore } from 'react';

/*
 * Whether the page that is shown hears from the server. A page has one stream; its state stands in the top bar, beside who
 * is signed in.
 */

type Hearing = 'none' | 'live' | 'lost';

let hearing: Hearing = 'none';
const listeners = new Set<() => void>();

/** Says what the stream of the page does now; `none`: the page has no stream. */
export function setHearing(next: Hearing): void {
  if (hearing === next) return;
  hearing = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const words: Record<Exclude<Hearing, 'none'>, [word: string, title: string]> = {
  live: ['Live', 'Changes appear by themselves'],
  lost: ['Not connected', 'What you see may be old; the page connects again by itself'],
};

/** `Live` while changes arrive by themselves. Nothing moves, and nothing is read aloud: the banner does that. */
export function LiveMark(): React.ReactElement | null {
  const now = useSyncExternalStore(subscribe, () => hearing);
  if (now === 'none') return null;
  const [word, title] = words[now];
  return (
    <span className={`live ${now}`} title={title}>
      {word}
    </span>
  );
}
