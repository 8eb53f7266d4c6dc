import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import type { SeenRun } from '../../src/http/seen-run.ts';
import { ApiError, basePath, getJson, postJson } from './api.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Comparison } from './comparison.tsx';
import { Copyable, CopyButton } from './copy.tsx';
import { Delivery } from './delivery.tsx';
import { Facts } from './facts.tsx';
import { FailureCard } from './failure-card.tsx';
import { Icon } from './icon.tsx';
import { JobLog } from './job-log.tsx';
import { useClock, useLiveness, useRun } from './live.ts';
import { Loading } from './loading.tsx';
import { Measurements } from './measurements.tsx';
import { newerView } from './merge.ts';
import { Origin } from './origin.tsx';
import { ReasonDialog } from './reason-dialog.tsx';
import { Results } from './results.tsx';
import { hasBegun, runWord } from './run-words.ts';
import { ShareButton } from './share-dialog.tsx';
import { RunStateIcon } from './state.tsx';
import { Steps } from './steps.tsx';
import { Time } from './time.tsx';
import { agoText } from './words.ts';

/** Answers that say that the run is not to be seen, now or any more. */
const refusals = new Set([401, 403, 404, 410]);

/**
 * The run, or that it is not to be seen. A refusal is an answer like any other: were it an error, asking again would take
 * it from the page until the next one comes. Only whoever may have lost the sign-in is asked who one is (401).
 */
async function askForRun(
  id: string,
  shared: boolean,
): Promise<{ view: SeenRun; refusal: null } | { view: null; refusal: ApiError }> {
  try {
    return { view: await getJson<SeenRun>(`/api/runs/${encodeURIComponent(id)}`), refusal: null };
  } catch (error) {
    if (error instanceof ApiError && refusals.has(error.status) && (shared || error.status !== 401))
      return { view: null, refusal: error };
    throw error;
  }
}

/** One run, live. `shared`: for the holder of a share link, who sees no other page. */
export function RunPage({ id, shared = false }: { id: string; shared?: boolean }): React.ReactElement {
  const first = useQuery({
    queryKey: ['run', id],
    queryFn: () => askForRun(id, shared),
    // A refusal ends the stream, and whoever is given the right meanwhile need not load the page again.
    refetchInterval: ({ state }) => (state.data?.refusal ? 15_000 : false),
  });
  const refusal = first.data?.refusal ?? null;
  const live = useRun(id, refusal === null);
  const asked = first.data?.view ?? null;
  /** A connection that broke takes nothing from the page, a refusal everything. */
  const fault = refusal ?? (live.view || asked ? null : first.error);
  const view = live.view && asked ? newerView(asked, live.view) : (live.view ?? asked);
  const title =
    view && `${view.workflow}${view.input ? ` on ${view.input.type} ${view.input.id}` : ''}: ${runWord(view).word}`;
  useEffect(() => {
    document.title = `${title ?? 'Run'} – biomero-bridge`;
  }, [title]);
  return (
    <>
      <ConnectionBanner connection={live.connection} />
      {view && !fault ? (
        <Run view={view} shared={shared} />
      ) : fault ? (
        <NoRun error={fault} shared={shared} again={() => void first.refetch()} />
      ) : (
        <Loading what="run" />
      )}
    </>
  );
}

function Run({ view, shared }: { view: SeenRun; shared: boolean }): React.ReactElement {
  const tables = view.results.filter((r) => r.kind === 'table');
  return (
    <>
      {shared ? (
        <SharedBy view={view} />
      ) : (
        <nav className="crumb" aria-label="Breadcrumb">
          <Link href="/">Runs</Link>
          <Icon name="right" />
          <span>{view.group}</span>
        </nav>
      )}
      <Head view={view} shared={shared} />
      <Sentence view={view} />
      <Facts view={view} />
      {view.failure && <FailureCard failure={view.failure} view={view} />}
      <nav className="jump" aria-label="On this page">
        <a href="#steps">Steps</a>
        <a href="#log">Log</a>
        <a href="#results">Results</a>
        {view.delivery && <a href="#delivery">Beside the import</a>}
        {view.archive && tables.length > 0 && <a href="#measurements">Measurements</a>}
        <a href="#origin">Origin and parameters</a>
      </nav>
      <Steps steps={view.steps} recipe={view.recipe} />
      <JobLog
        key={`${view.id} ${view.jobId}`}
        runId={view.id}
        jobId={view.jobId}
        begun={hasBegun(view.status)}
        ended={view.endedAt !== null}
      />
      <Results
        runId={view.id}
        results={view.results}
        archived={view.archive !== null}
        repeatable={view.failure?.repeatable ?? false}
      />
      {view.delivery && <Delivery delivery={view.delivery} ended={view.endedAt !== null} />}
      {view.archive && <Measurements runId={view.id} tables={tables} />}
      {!shared && <Comparison runId={view.id} version={`${view.state} ${view.steps.map((s) => s.state).join()}`} />}
      <Origin view={view} />
    </>
  );
}

/** Whose link it is. A person who is signed in may have opened it as well. */
function SharedBy({ view }: { view: SeenRun }): React.ReactElement {
  return (
    <p className="banner shared-by">
      <Icon name="link" />
      <span>
        {view.shared ? (
          <>
            Shared with you by {view.shared.by}, to look at until <Time iso={view.shared.until} />.
          </>
        ) : (
          <>
            You are signed in and may see this run: <Link href={`/runs/${view.id}`}>open its own page</Link>.
          </>
        )}
      </span>
    </p>
  );
}

function Head({ view, shared }: { view: SeenRun; shared: boolean }): React.ReactElement {
  const now = useClock(true, 30_000);
  return (
    <div className="page-head">
      <div>
        <h1>
          {view.workflow} {view.workflowVersion}{' '}
          {view.input && (
            <small>
              on {view.input.type} {view.input.id}, {view.input.name}
            </small>
          )}
        </h1>
        <div className="meta">
          <Copyable text={view.id} what="workflow run id" />
          <span>{view.user}</span>
          <span>{view.group}</span>
          <span>
            Launched <Time iso={view.launchedAt} />, {agoText(view.launchedAt, now)}
          </span>
          {view.jobId !== null && <span>Job {view.jobId}</span>}
        </div>
      </div>
      <div className="actions">
        {!shared && view.archive && <CopyButton text={view.archive.path} label="Copy archive path" />}
        {!shared && view.mayChange && view.state !== 'done' && view.state !== 'given-up' && <GiveUp id={view.id} />}
        {!shared && <ShareButton view={view} />}
      </div>
    </div>
  );
}

function GiveUp({ id }: { id: string }): React.ReactElement {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <button className="button" type="button" onClick={() => setAsked(true)}>
        Give up
      </button>
      {asked && (
        <ReasonDialog
          question={{
            title: 'Give this run up',
            text: 'Its job and its open orders are cancelled, and it has failed for good. What is archived and what is in OMERO stays.',
            act: 'Give the run up',
            go: (reason) => postJson(`/api/runs/${id}/abandon`, { reason }),
          }}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}

/** The status as one sentence. Screen readers hear it now and then, and at once when the state changes. */
function Sentence({ view }: { view: SeenRun }): React.ReactElement {
  const live = useLiveness(view.sentence, `${view.state} ${view.status}`);
  return (
    <div className="sentence">
      <RunStateIcon run={view} />
      <p aria-live={live} aria-atomic="true">
        {view.sentence}
      </p>
    </div>
  );
}

function NoRun(props: { error: Error; shared: boolean; again: () => void }): React.ReactElement {
  const { error, shared, again } = props;
  const refused = error instanceof ApiError && refusals.has(error.status);
  const unknown = refused && !shared && error.status === 404;
  return (
    <>
      <h1>{unknown ? 'No such run' : refused && shared ? 'This link shows no run' : 'The run cannot be shown'}</h1>
      <p className="lede">
        {error.message} {error instanceof ApiError && error.remedy}
      </p>
      <p className="actions after-lede">
        {shared ? (
          <a className="button" href={`${basePath}/`}>
            Sign in
          </a>
        ) : (
          <Link className="button" href="/">
            All runs
          </Link>
        )}
        {!refused && (
          <button className="button" type="button" onClick={again}>
            Try again
          </button>
        )}
      </p>
    </>
  );
}
