import { useEffect } from 'react';

/** Title of the window while it is shown. */
export function PageTitle({ text }: { text: string }): null {
  useEffect(() => {
    document.title = `${text} – biomero-bridge`;
  }, [text]);
  return null;
}
