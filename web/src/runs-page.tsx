import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import type { RunSummary } from '../../src/runs/view.ts';
import { getJson } from './api.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { useClock, useRuns } from './live.ts';
import { Loading } from './loading.tsx';
import { mergeSummaries } from './merge.ts';
import { filterQuery, isFiltered, readFilters, RunFilterBar } from './run-filters.tsx';
import { groupOf, hasFailed, type RunGroup } from './run-words.ts';
import { RunStateMark, SafeMark } from './state.tsx';
import { Time } from './time.tsx';
import { WayHome } from './way-home.tsx';
import { agoText, countText, numberText } from './words.ts';

interface RunsAnswer {
  runs: RunSummary[];
  next: string | null;
}

const groups: [RunGroup, string][] = [
  ['attention', 'Needs attention'],
  ['progress', 'In progress'],
  ['finished', 'Finished'],
];

/** All runs: those that need someone first, then newest first. */
export function RunsPage(): React.ReactElement {
  const live = useRuns();
  const now = useClock(true, 30_000);
  const search = useSearch();
  const [, navigate] = useLocation();
  const filters = readFilters(search);
  const filtered = isFiltered(filters);
  const query = filterQuery(filters);
  // What arrives live is not filtered: a filtered list, and the counts, are asked for again when something changed.
  const version = (live.runs ?? []).map((run) => `${run.id}${run.state}`).join();
  const pages = useInfiniteQuery({
    queryKey: ['runs', query, filtered ? version : ''],
    queryFn: ({ pageParam, signal }) => {
      const asked = new URLSearchParams(query);
      if (pageParam !== null) asked.set('cursor', pageParam);
      return getJson<RunsAnswer>(`/api/runs?${asked.toString()}`, signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: (old) => old,
    staleTime: Infinity,
  });
  const paged = pages.data?.pages.flatMap((page) => page.runs);
  const runs = filtered ? (paged ?? null) : paged || live.runs ? mergeSummaries(paged ?? [], live.runs ?? []) : null;
  const nothingAtAll = runs?.length === 0 && !filtered;
  useEffect(() => {
    document.title = 'Runs – biomero-bridge';
  }, []);
  return (
    <>
      <ConnectionBanner connection={live.connection} />
      <div className="page-head">
        <div>
          <h1>Runs</h1>
          {runs && runs.length > 0 && !filtered && <p className="lede">{lede(runs)}</p>}
        </div>
        <div className="actions">
          <Link className="button" href="/start">
            Start a run
          </Link>
        </div>
      </div>
      {runs === null && pages.error && (
        <div className="panel empty">
          <h2>The runs cannot be shown</h2>
          <p>{pages.error.message}</p>
          <button className="button" type="button" onClick={() => void pages.refetch()}>
            Try again
          </button>
        </div>
      )}
      {runs === null && !pages.error && <Loading what="runs" />}
      {runs !== null && !nothingAtAll && (
        <RunFilterBar
          filters={filters}
          version={version}
          onChange={(next) => {
            const to = filterQuery(next);
            navigate(to ? `/?${to}` : '/', { replace: true });
          }}
        />
      )}
      {runs?.length === 0 && filtered && (
        <div className="panel empty">
          <h2>No run matches</h2>
          <p>Nothing that you may see has these properties.</p>
        </div>
      )}
      {nothingAtAll && (
        <div className="panel empty">
          <h2>Nothing has run yet</h2>
          <p>
            A run appears here when a workflow is <Link href="/start">started</Link>, here or in OMERO.
          </p>
        </div>
      )}
      {runs && runs.length > 0 && (
        <div className="panel clip section first">
          <RunsTable runs={runs} now={now} />
          {pages.hasNextPage && (
            <div className="table-foot">
              <span>{numberText(runs.length, 'run')} shown</span>
              <button
                className="button small"
                type="button"
                aria-busy={pages.isFetchingNextPage}
                onClick={() => void pages.fetchNextPage()}
              >
                {pages.isFetchNextPageError ? 'Older runs could not be read, try again' : 'Show older runs'}
              </button>
            </div>
          )}
        </div>
      )}
    </>
  );
}

function lede(runs: RunSummary[]): string {
  const count = (group: RunGroup): number => runs.filter((r) => groupOf(r) === group).length;
  const [attention, progress] = [count('attention'), count('progress')];
  const needs =
    attention === 0
      ? 'No run needs anyone.'
      : `${numberText(attention, 'run')} ${attention === 1 ? 'needs' : 'need'} someone.`;
  return progress === 0 ? needs : `${needs} ${progress} ${progress === 1 ? 'is on its' : 'are on their'} way.`;
}

function RunsTable({ runs, now }: { runs: RunSummary[]; now: number }): React.ReactElement {
  return (
    <table className="runs">
      <caption className="vh">Workflow runs, those that need attention first</caption>
      <colgroup>
        <col className="c-state" />
        <col className="c-run" />
        <col className="c-way" />
        <col className="c-safe" />
        <col className="c-omero" />
        <col className="c-group" />
        <col className="c-age" />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Run</th>
          <th scope="col">Way home</th>
          <th scope="col">Archive</th>
          <th scope="col">In OMERO</th>
          <th scope="col">Group</th>
          <th scope="col" className="num">
            Launched
          </th>
        </tr>
      </thead>
      {groups.map(([group, title]) => {
        const members = runs.filter((run) => groupOf(run) === group);
        if (!members.length) return null;
        return (
          <tbody key={group}>
            <tr className="group">
              <th colSpan={7} scope="rowgroup">
                {title}
                <span>{members.length}</span>
              </th>
            </tr>
            {members.map((run) => (
              <RunRow key={run.id} run={run} now={now} />
            ))}
          </tbody>
        );
      })}
    </table>
  );
}

function RunRow({ run, now }: { run: RunSummary; now: number }): React.ReactElement {
  return (
    <tr className={`open-row${groupOf(run) === 'finished' ? ' calm-row' : ''}`}>
      <td className="c-state">
        <RunStateMark run={run} />
      </td>
      <td className="c-run">
        <Link className="name" href={`/runs/${run.id}`} data-row="">
          {run.workflow} {run.workflowVersion}{' '}
          {run.input && (
            <span className="input-of">
              on {run.input.type} {run.input.id}, {run.input.name}
            </span>
          )}
        </Link>
        <p className="says">{run.sentence}</p>
      </td>
      <td className="c-way">
        <WayHome run={run} />
      </td>
      <td className="c-safe">
        <span className="narrow quiet">Archive: </span>
        <SafeMark safe={run.archiveSafe} failed={hasFailed(run)} />
      </td>
      <td className="c-omero">
        <span className="narrow quiet">OMERO: </span>
        {run.imagesTotal === null ? (
          <span className="quiet">{run.state === 'done' || hasFailed(run) ? 'No images' : 'None yet'}</span>
        ) : (
          countText(run.imagesFound, run.imagesTotal, 'image')
        )}
      </td>
      <td className="c-group">
        {run.group}
        <span className="narrow">, </span>
        <small>{run.user}</small>
      </td>
      <td className="c-age num">
        {agoText(run.launchedAt, now)}
        <small>
          <Time iso={run.launchedAt} />
        </small>
      </td>
    </tr>
  );
}
