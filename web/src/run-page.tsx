import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import type { RunView } from '../../src/runs/view.ts';
import { ApiError, getJson } from './api.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Copyable } from './copy.tsx';
import { FailureCard } from './failure-card.tsx';
import { Icon } from './icon.tsx';
import { JobLog } from './job-log.tsx';
import { useRun } from './live.ts';
import { newerView } from './merge.ts';
import { Results } from './results.tsx';
import { RunStateIcon } from './state.tsx';
import { Steps } from './steps.tsx';
import { agoText, countText, clockText, sizeText, timeText } from './words.ts';

/** One run, live. */
export function RunPage({ id }: { id: string }): React.ReactElement {
  const first = useQuery({ queryKey: ['run', id], queryFn: () => getJson<RunView>(`/api/runs/${encodeURIComponent(id)}`) });
  const live = useRun(id);
  const view = live.view && first.data ? newerView(first.data, live.view) : (live.view ?? first.data ?? null);
  useEffect(() => {
    document.title = view ? `${view.workflow}: ${view.status} – biomero-bridge` : 'Run – biomero-bridge';
  }, [view]);
  if (!view && first.error)
    return (
      <>
        <h1>{first.error instanceof ApiError && first.error.status === 404 ? 'No such run' : 'The run cannot be shown'}</h1>
        <p className="lede">{first.error.message}</p>
        <Link href="/">All runs</Link>
      </>
    );
  if (!view) return <div className="panel empty" aria-busy="true" />;
  return (
    <>
      <ConnectionBanner connection={live.connection} />
      <nav className="crumb" aria-label="Breadcrumb">
        <Link href="/">Runs</Link>
        <Icon name="right" />
        <span>{view.group}</span>
      </nav>
      <Head view={view} />
      <div className="sentence">
        <RunStateIcon state={view.state} />
        <p aria-live="polite" aria-atomic="true">
          {view.sentence}
        </p>
      </div>
      {view.failure && <FailureCard failure={view.failure} run={view.id} archived={view.archive !== null} />}
      <Facts view={view} />
      <nav className="jump" aria-label="On this page">
        <a href="#steps">Steps</a>
        <a href="#log">Log</a>
        <a href="#results">Results</a>
        <a href="#origin">Origin and parameters</a>
      </nav>
      <Steps steps={view.steps} />
      <JobLog runId={view.id} jobId={view.jobId} revision={view.revision} />
      <Results results={view.results} archived={view.archive !== null} />
      <Origin view={view} />
    </>
  );
}

function Head({ view }: { view: RunView }): React.ReactElement {
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
            Launched <time dateTime={view.launchedAt}>{timeText(view.launchedAt)}</time>, {agoText(view.launchedAt)}
          </span>
          {view.jobId !== null && <span>Job {view.jobId}</span>}
        </div>
      </div>
    </div>
  );
}

/** The two questions that come first: are the results safe, and are they in OMERO. */
function Facts({ view }: { view: RunView }): React.ReactElement {
  const { archive } = view;
  const total = view.imagesTotal;
  const all = total !== null && view.imagesFound === total;
  return (
    <div className="panel facts">
      <section className="fact">
        <span className={archive ? 'ok' : 'idle'}>
          <Icon name={archive ? 'safe' : 'unsafe'} />
        </span>
        <div>
          <h2>
            {archive ? 'Archive safe' : 'Not archived yet'}{' '}
            {archive && (
              <span>
                {archive.files} files, {sizeText(archive.bytes)}
              </span>
            )}
          </h2>
          <p>
            {archive
              ? `Every checksum was compared after the copy${archive.verifiedAt ? `, at ${clockText(archive.verifiedAt)}` : ''}. Whatever happens to the import, the results stay.`
              : 'The results stay on the cluster until they are archived and verified.'}
          </p>
          {archive && (
            <div className="row">
              <Copyable text={archive.path} what="archive path" />
            </div>
          )}
        </div>
      </section>
      <section className="fact">
        <span className={all ? 'ok' : total === null ? 'idle' : 'run'}>
          <Icon name="eye" />
        </span>
        <div>
          <h2>
            {all ? 'Visible in OMERO' : total === null ? 'Not in OMERO yet' : 'Coming into OMERO'}{' '}
            {total !== null && <span>{countText(view.imagesFound, total, 'image')}</span>}
          </h2>
          {total !== null && (
            <progress className="meter" max={total} value={view.imagesFound} aria-label="Images in OMERO">
              {countText(view.imagesFound, total, 'image')}
            </progress>
          )}
          <p>An image counts once it was found in OMERO, not when it was sent.</p>
          {view.destination && (
            <div className="row">
              {view.destination.type} {view.destination.id}, {view.destination.name}
            </div>
          )}
        </div>
      </section>
    </div>
  );
}

function Origin({ view }: { view: RunView }): React.ReactElement {
  const parameters = Object.entries(view.parameters);
  return (
    <section className="section" id="origin" aria-labelledby="origin-title">
      <div className="section-head">
        <h2 id="origin-title">Origin and parameters</h2>
      </div>
      <dl className="panel pairs">
        <dt>Status in BIOMERO</dt>
        <dd>{view.status}</dd>
        <dt>Import task</dt>
        <dd>
          <Copyable text={view.taskId} what="import task id" />
        </dd>
        <dt>Recipe</dt>
        <dd>{view.recipe}</dd>
        {view.orders.map((order) => (
          <OrderPair key={order.uuid} order={order} />
        ))}
        <dt>Parameters</dt>
        <dd>{parameters.length === 0 ? 'none: the defaults of the workflow' : null}</dd>
        {parameters.map(([name, value]) => (
          <ParameterPair key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

function OrderPair({ order }: { order: RunView['orders'][number] }): React.ReactElement {
  return (
    <>
      <dt>Upload order</dt>
      <dd>
        <Copyable text={order.uuid} what="order uuid" /> {order.stage}
        {order.description && <small>{order.description}</small>}
      </dd>
    </>
  );
}

function ParameterPair({ name, value }: { name: string; value: unknown }): React.ReactElement {
  return (
    <>
      <dt className="inner">{name}</dt>
      <dd>
        <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
      </dd>
    </>
  );
}
