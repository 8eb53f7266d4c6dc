import { useEffect, useState } from 'react';
import { Icon } from './icon.tsx';

/**
 * A value that people carry elsewhere: whole, selectable, one press to copy. A path loses its middle, never its end;
 * `shown` stands for a value too long to show.
 */
export function Copyable(props: { text: string; what: string; shown?: string }): React.ReactElement {
  const { text, what } = props;
  const [copied, copy] = useCopy(text);
  const cut = text.startsWith('/') ? text.lastIndexOf('/') : -1;
  return (
    <span className="copyable">
      {cut > 0 ? (
        <>
          <code className="path-head">{text.slice(0, cut)}</code>
          <code className="path-tail">{text.slice(cut)}</code>
        </>
      ) : (
        <code title={props.shown === undefined ? undefined : text}>{props.shown ?? text}</code>
      )}
      <button type="button" aria-label={`Copy ${what}`} title={copied ? 'Copied' : `Copy ${what}`} onClick={copy}>
        <Icon name={copied ? 'check' : 'copy'} />
      </button>
      <Copied when={copied} />
    </span>
  );
}

/** A button that copies something which stands elsewhere. */
export function CopyButton({ text, label }: { text: string; label: string }): React.ReactElement {
  const [copied, copy] = useCopy(text);
  return (
    <button className="button" type="button" onClick={copy}>
      <Icon name={copied ? 'check' : 'copy'} />
      {label}
      <Copied when={copied} />
    </button>
  );
}

function Copied({ when }: { when: boolean }): React.ReactElement {
  return (
    <span className="vh" role="status">
      {when ? 'Copied' : ''}
    </span>
  );
}

function useCopy(text: string): [copied: boolean, copy: () => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, () => void copyText(text).then(setCopied)];
}

/** Browsers keep the clipboard for secure origins; elsewhere the old way still works. */
async function copyText(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    return await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'vh';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}
