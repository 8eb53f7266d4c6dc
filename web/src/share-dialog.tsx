import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { SeenRun } from '../../src/http/seen-run.ts';
import { basePath, deleteAt, getJson, postFor } from './api.ts';
import { Copyable } from './copy.tsx';
import { Icon } from './icon.tsx';
import type { Session } from './omero-link.tsx';
import { refusalText } from './reason-dialog.tsx';
import { Time } from './time.tsx';
import { numberText } from './words.ts';

interface Link {
  id: string;
  madeBy: string;
  expiresAt: string;
  lastUsedAt: string | null;
}

/** How long a link may be open; the server allows 90 days at most. */
const dayChoices = [1, 7, 14, 30, 90];
const usualDays = 14;

/** Opens the dialog; tells how many links to the run are open, to those who may end them. */
export function ShareButton({ view }: { view: SeenRun }): React.ReactElement {
  const [asked, setAsked] = useState(false);
  const on = useQueryClient().getQueryData<Session>(['session'])?.shareLinks ?? false;
  const links = useQuery({
    queryKey: ['links', view.id],
    queryFn: ({ signal }) => getJson<{ links: Link[] }>(`/api/runs/${view.id}/links`, signal),
    enabled: on,
  });
  const open = links.data?.links ?? [];
  return (
    <>
      <button className="button" type="button" onClick={() => setAsked(true)}>
        <Icon name="link" />
        Share{open.length > 0 && `, ${numberText(open.length, 'open link')}`}
      </button>
      {asked && <ShareDialog view={view} on={on} links={open} onClose={() => setAsked(false)} />}
    </>
  );
}

function ShareDialog(props: { view: SeenRun; on: boolean; links: Link[]; onClose: () => void }): React.ReactElement {
  const { view, on, links } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog className="dialog share" ref={dialog} aria-labelledby="share-title" onClose={props.onClose}>
      <h2 id="share-title">Share this run</h2>
      <section aria-labelledby="share-address">
        <h3 id="share-address">With people who have an OMERO account</h3>
        <p>
          This address opens for whoever may see the run, as OMERO has it for group {view.group}. They sign in first.
        </p>
        <p className="row">
          <Copyable text={`${location.origin}${basePath}/runs/${view.id}`} what="address" />
        </p>
      </section>
      <section aria-labelledby="share-link">
        <h3 id="share-link">With anybody, by a link</h3>
        {!on && <p>Links that open a run without sign-in are switched off on this server.</p>}
        {on && !view.mayChange && (
          <p>{view.user}, leaders of the group and administrators can make links that open without sign-in.</p>
        )}
        {on && view.mayChange && <NewLink view={view} />}
        {links.length > 0 && <OpenLinks runId={view.id} links={links} />}
      </section>
      <div className="actions">
        <button className="button" type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function NewLink({ view }: { view: SeenRun }): React.ReactElement {
  const queries = useQueryClient();
  const [days, setDays] = useState(usualDays);
  const [made, setMade] = useState<{ token: string; link: Link } | null>(null);
  const [refused, setRefused] = useState('');
  const [busy, setBusy] = useState(false);
  const make = async (): Promise<void> => {
    setBusy(true);
    setRefused('');
    try {
      setMade(await postFor<{ token: string; link: Link }>(`/api/runs/${view.id}/links`, { days }));
      await queries.invalidateQueries({ queryKey: ['links', view.id] });
    } catch (error) {
      setRefused(refusalText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <p>
        Whoever has the link sees this page with its pictures, tables and log, and can download the files, without
        signing in. Nothing can be changed through it, and no other run is seen. It ends on its day, when it is revoked,
        or when you may no longer see the run.
      </p>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void make();
        }}
      >
        <span className="select-wrap">
          <select
            className="select"
            aria-label="How long it is open"
            value={days}
            onChange={(event) => setDays(Number(event.target.value))}
          >
            {dayChoices.map((n) => (
              <option key={n} value={n}>
                Open for {numberText(n, 'day')}
              </option>
            ))}
          </select>
          <Icon name="down" />
        </span>
        <button className="button" type="submit" aria-busy={busy}>
          Make a link
        </button>
      </form>
      <p role="alert" className="error">
        {refused && (
          <>
            <Icon name="fail" />
            <span>{refused}</span>
          </>
        )}
      </p>
      <div role="status">
        {made && (
          <div className="made">
            <p>
              The link is open until <Time iso={made.link.expiresAt} />. Copy it now: it is shown only here and now.
            </p>
            <p className="row">
              <Copyable text={`${location.origin}${basePath}/shared#${made.token}`} what="link" />
            </p>
          </div>
        )}
      </div>
    </>
  );
}

function OpenLinks({ runId, links }: { runId: string; links: Link[] }): React.ReactElement {
  const queries = useQueryClient();
  const [refused, setRefused] = useState('');
  const revoke = async (id: string): Promise<void> => {
    setRefused('');
    try {
      await deleteAt(`/api/runs/${runId}/links/${id}`);
    } catch (error) {
      setRefused(refusalText(error));
    }
    await queries.invalidateQueries({ queryKey: ['links', runId] });
  };
  return (
    <>
      <ul className="links" aria-label="Open links">
        {links.map((link) => (
          <li key={link.id}>
            <span>
              <code>{link.id}</code> by {link.madeBy}, until <Time iso={link.expiresAt} />,{' '}
              {link.lastUsedAt ? (
                <>
                  last opened <Time iso={link.lastUsedAt} />
                </>
              ) : (
                'never opened'
              )}
            </span>
            <button
              className="button small"
              type="button"
              aria-label={`Revoke link ${link.id}`}
              onClick={() => void revoke(link.id)}
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
      <p role="alert" className="error">
        {refused && (
          <>
            <Icon name="fail" />
            <span>{refused}</span>
          </>
        )}
      </p>
    </>
  );
}
