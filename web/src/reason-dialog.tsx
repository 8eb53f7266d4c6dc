import { useEffect, useId, useRef, useState } from 'react';
import { ApiError } from './api.ts';
import { Icon } from './icon.tsx';

export interface ReasonQuestion {
  title: string;
  /** What will happen. */
  text: string;
  /** Word of the button that does it. */
  act: string;
  /** Does it; a refusal stays on the dialog. */
  go: (reason: string) => Promise<unknown>;
}

/** Asks why before something is done that concerns others; the reason is kept in the audit. */
export function ReasonDialog(props: { question: ReasonQuestion; onClose: () => void }): React.ReactElement {
  const { question, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState('');
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = async (): Promise<void> => {
    setBusy(true);
    try {
      await question.go(reason.trim());
      onClose();
    } catch (error) {
      setRefused(refusalText(error));
      setBusy(false);
    }
  };
  return (
    <dialog className="dialog" ref={dialog} aria-labelledby={`${id}-title`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && reason.trim() !== '') void submit();
        }}
      >
        <h2 id={`${id}-title`}>{question.title}</h2>
        <p>{question.text}</p>
        <div className="field">
          <label htmlFor={`${id}-reason`}>Reason</label>
          <textarea
            className="input"
            id={`${id}-reason`}
            rows={3}
            maxLength={1000}
            required
            value={reason}
            aria-describedby={`${id}-hint`}
            onChange={(event) => setReason(event.target.value)}
          />
          <span className="hint" id={`${id}-hint`}>
            Kept with your name, and shown to whoever looks at it.
          </span>
          <span role="alert" className="error">
            {refused && (
              <>
                <Icon name="fail" />
                <span>{refused}</span>
              </>
            )}
          </span>
        </div>
        <div className="actions">
          <button className="button" type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button className="button primary" type="submit" aria-busy={busy}>
            {question.act}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** What the server said when it refused, with what to do. */
export function refusalText(error: unknown): string {
  return error instanceof ApiError ? `${error.message} ${error.remedy}`.trim() : 'The server does not answer.';
}
