import { useEffect } from 'react';
import { Loading } from '../loading.tsx';
import { refusalText } from '../reason-dialog.tsx';

/** Head of an admin page, and its title in the window. */
export function PageHead(props: {
  title: string;
  lede?: React.ReactNode;
  children?: React.ReactNode;
}): React.ReactElement {
  useEffect(() => {
    document.title = `${props.title} – biomero-bridge`;
  }, [props.title]);
  return (
    <div className="page-head">
      <div>
        <h1>{props.title}</h1>
        {props.lede && <p className="lede">{props.lede}</p>}
      </div>
      {props.children && <div className="actions">{props.children}</div>}
    </div>
  );
}

/** While there is nothing to show: that it loads, or why it cannot be shown. */
export function Waiting(props: { what: string; error: Error | null; again: () => void }): React.ReactElement {
  if (!props.error) return <Loading what={props.what} />;
  return (
    <div className="panel empty">
      <h2>The {props.what} cannot be shown</h2>
      <p>{refusalText(props.error)}</p>
      <button className="button" type="button" onClick={props.again}>
        Try again
      </button>
    </div>
  );
}

/** A table that scrolls by itself where the window is narrow. */
export function TablePanel(props: {
  label: string;
  children: React.ReactNode;
  foot?: React.ReactNode;
}): React.ReactElement {
  return (
    <div className="panel">
      <div className="scroll" tabIndex={0} role="region" aria-label={`Table: ${props.label}`}>
        {props.children}
      </div>
      {props.foot && <div className="table-foot">{props.foot}</div>}
    </div>
  );
}

/** A section with its heading. */
export function Section(props: {
  id: string;
  title: string;
  aside?: React.ReactNode;
  actions?: React.ReactNode;
  children: React.ReactNode;
}): React.ReactElement {
  return (
    <section className="section" aria-labelledby={`${props.id}-title`}>
      <div className="section-head">
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.aside && <span className="aside">{props.aside}</span>}
        {props.actions && <div className="actions">{props.actions}</div>}
      </div>
      {props.children}
    </section>
  );
}
