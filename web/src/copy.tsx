import { useState } from 'react';
import { Icon } from './icon.tsx';

/** A value that people carry elsewhere: whole, selectable, one press to copy. */
export function Copyable({ text, what }: { text: string; what: string }): React.ReactElement {
  const [copied, setCopied] = useState(false);
  return (
    <span className="copyable">
      <code>{text}</code>
      <button
        type="button"
        aria-label={copied ? 'Copied' : `Copy ${what}`}
        onClick={() => {
          void navigator.clipboard.writeText(text).then(() => {
            setCopied(true);
            setTimeout(() => setCopied(false), 2_000);
          });
        }}
      >
        <Icon name={copied ? 'check' : 'copy'} />
      </button>
    </span>
  );
}
