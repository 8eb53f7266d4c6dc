import { useEffect } from 'react';
import { Link } from 'wouter';
import type { RunSummary } from '../../src/runs/view.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Icon } from './icon.tsx';
import { useRuns } from './live.ts';
import { RunStateMark } from './state.tsx';
import { agoText, countText, timeText } from './words.ts';

/** All runs, newest first. */
export function RunsPage(): React.ReactElement {
  const { runs, connection } = useRuns();
  useEffect(() => {
    document.title = 'Runs – biomero-bridge';
  }, []);
  return (
    <>
      <ConnectionBanner connection={connection} />
      <div className="page-head">
        <h1>Runs</h1>
      </div>
      {runs === null ? (
        <div className="panel empty" aria-busy="true" />
      ) : runs.length === 0 ? (
        <div className="panel empty">
          <h2>No runs yet</h2>
          <p>
            A run appears here when a workflow is started: <code>biomero-bridge run WORKFLOW --dataset ID …</code>
          </p>
        </div>
      ) : (
        <div className="panel scroll section first">
          <table className="runs">
            <caption className="vh">Workflow runs, newest first</caption>
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Run</th>
                <th scope="col">Archive</th>
                <th scope="col">In OMERO</th>
                <th scope="col">Group</th>
                <th scope="col" className="num">
                  Launched
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <RunRow key={run.id} run={run} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function RunRow({ run }: { run: RunSummary }): React.ReactElement {
  return (
    <tr className="open-row">
      <td className="c-state">
        <RunStateMark state={run.state} />
      </td>
      <td className="c-run">
        <Link className="name" href={`/runs/${run.id}`}>
          {run.workflow} {run.workflowVersion}{' '}
          {run.input && (
            <span className="input-of">
              on {run.input.type} {run.input.id}, {run.input.name}
            </span>
          )}
        </Link>
        <p className="says">{run.sentence}</p>
      </td>
      <td className="c-safe">
        <span className="narrow quiet">Archive: </span>
        {run.archiveSafe ? (
          <span className="state ok">
            <Icon name="safe" />
            Safe
          </span>
        ) : (
          <span className="state idle">
            <Icon name="unsafe" />
            Not yet
          </span>
        )}
      </td>
      <td className="c-omero">
        <span className="narrow quiet">OMERO: </span>
        {run.imagesTotal === null ? (
          <span className="quiet">None yet</span>
        ) : (
          countText(run.imagesFound, run.imagesTotal, 'image')
        )}
      </td>
      <td className="c-group">
        {run.group}
        <small>{run.user}</small>
      </td>
      <td className="c-age num">
        {agoText(run.launchedAt)}
        <small>
          <time dateTime={run.launchedAt}>{timeText(run.launchedAt)}</time>
        </small>
      </td>
    </tr>
  );
}
