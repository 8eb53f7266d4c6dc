import { useEffect, useRef, useState } from 'react';
import { keysAreOn, shortcuts, switchKeys } from './keyboard.ts';

/** What the keys do, and how to switch the single ones off. */
export function HelpDialog({ onClose }: { onClose: () => void }): React.ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  const [on, setOn] = useState(keysAreOn);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog className="dialog" ref={dialog} aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keyboard</h2>
      <dl className="pairs keys">
        {shortcuts.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p>
        <label className="tick">
          <input
            type="checkbox"
            checked={on}
            onChange={(event) => {
              switchKeys(event.target.checked);
              setOn(event.target.checked);
            }}
          />
          Single keys are on
        </label>
      </p>
      <p className="hint">Everything is reached with Tab and Enter, too.</p>
      <div className="actions">
        <button className="button" type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
