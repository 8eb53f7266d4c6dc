import { useEffect, useRef, useState } from 'react';
import { Icon } from './icon.tsx';

/** Typing is over when nothing was typed for so long. */
const typingMs = 250;

/** A search that is asked once typing is over; the key / leads to it. */
export function SearchField(props: {
  label: string;
  placeholder: string;
  text: string;
  onText: (text: string) => void;
}): React.ReactElement {
  const [typed, setTyped] = useState(props.text);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <span className="search">
      <Icon name="search" />
      <input
        className="input"
        type="search"
        data-search=""
        aria-label={props.label}
        placeholder={props.placeholder}
        maxLength={200}
        value={typed}
        onChange={(event) => {
          const next = event.target.value;
          setTyped(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => props.onText(next.trim()), typingMs);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </span>
  );
}
