import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { TableColumn, TablePage } from '../../src/http/table.ts';
import type { ResultView } from '../../src/runs/view.ts';
import { ApiError, getJson } from './api.ts';
import { archiveAddress, archiveHref } from './archive-address.ts';
import { figure, histogram, median } from './chart.ts';
import { Icon } from './icon.tsx';
import { Loading } from './loading.tsx';
import { ScatterPlot } from './scatter-plot.tsx';
import { numberText } from './words.ts';

const pageRows = 100;
/** Columns that count or place something: seldom what people want to see first. */
const notMeasured = /^(?:id|label|index|frame|object|number|t|z|[xyz]_?|.*(?:centroid|position|bbox|center|coord).*)$/i;

interface Sort {
  column: number;
  descending: boolean;
}

/** The tables that the workflow wrote: sorted, paged, with a column's distribution and two columns against each other. */
export function Measurements({ runId, tables }: { runId: string; tables: ResultView[] }): React.ReactElement | null {
  const [chosen, setChosen] = useState<string | null>(null);
  const path = chosen ?? tables[0]?.path;
  if (path === undefined) return null;
  return (
    <section className="section" id="measurements" aria-labelledby="measurements-title">
      <div className="section-head">
        <h2 id="measurements-title">Measurements</h2>
        {tables.length > 1 ? (
          <span className="select-wrap">
            <select
              className="select"
              aria-label="Table"
              value={path}
              onChange={(event) => setChosen(event.target.value)}
            >
              {tables.map((table) => (
                <option key={table.path}>{table.path}</option>
              ))}
            </select>
            <Icon name="down" />
          </span>
        ) : (
          <span className="aside">
            <code className="path">{path}</code>
          </span>
        )}
        <span className="actions">
          <a className="button small" href={archiveHref(runId, 'file', path)} download>
            <Icon name="download" />
            Download
          </a>
        </span>
      </div>
      <TableView key={path} runId={runId} path={path} />
    </section>
  );
}

function TableView({ runId, path }: { runId: string; path: string }): React.ReactElement {
  const [sort, setSort] = useState<Sort | null>(null);
  const [from, setFrom] = useState(0);
  const [column, setColumn] = useState<number | null>(null);
  const page = useQuery({
    queryKey: ['table', runId, path, sort, from],
    queryFn: ({ signal }) =>
      getJson<TablePage>(
        archiveAddress(runId, 'table', path, {
          from,
          ...(sort && { sort: sort.column, order: sort.descending ? 'descending' : 'ascending' }),
        }),
        signal,
      ),
    placeholderData: (old) => old,
    staleTime: Infinity,
  });
  if (page.error)
    return (
      <div className="panel empty">
        <p>{page.error instanceof ApiError ? `${page.error.message} ${page.error.remedy}` : page.error.message}</p>
      </div>
    );
  if (!page.data) return <Loading what="table" />;
  const { columns, total, rows } = page.data;
  const numeric = columns.flatMap((c, i) => (c.numeric ? [i] : []));
  const shown = column ?? numeric.find((i) => !notMeasured.test(columns[i]?.name ?? '')) ?? numeric[0];
  return (
    <div className="with-side">
      <div className="panel clip">
        <div className="scroll" tabIndex={0} role="region" aria-label="Table: measurements">
          <table className="measures">
            <caption className="vh">Measurements, {numberText(total, 'row')}</caption>
            <thead>
              <tr>
                {columns.map((c, i) => (
                  <ColumnHead
                    key={`${i} ${c.name}`}
                    column={c}
                    sort={sort?.column === i ? sort : null}
                    onSort={() => {
                      setSort({ column: i, descending: sort?.column === i && !sort.descending });
                      setFrom(0);
                      if (c.numeric) setColumn(i);
                    }}
                  />
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, r) => (
                <tr key={from + r}>
                  {columns.map((c, i) => (
                    <td key={i} className={c.numeric ? `num${i === shown ? ' selected' : ''}` : undefined}>
                      {row[i]}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <div className="table-foot">
          <span>
            {total === 0
              ? 'No rows'
              : `Rows ${(from + 1).toLocaleString('en')} to ${(from + rows.length).toLocaleString('en')} of ${total.toLocaleString('en')}`}
          </span>
          {total > pageRows && (
            <span className="actions">
              {from > 0 && (
                <button className="button small" type="button" onClick={() => setFrom(Math.max(0, from - pageRows))}>
                  Rows before
                </button>
              )}
              {from + pageRows < total && (
                <button className="button small" type="button" onClick={() => setFrom(from + pageRows)}>
                  Next rows
                </button>
              )}
            </span>
          )}
        </div>
      </div>
      {shown !== undefined && (
        <Charts runId={runId} path={path} columns={columns} shown={shown} numeric={numeric} onShow={setColumn} />
      )}
    </div>
  );
}

function ColumnHead(props: { column: TableColumn; sort: Sort | null; onSort: () => void }): React.ReactElement {
  const { column, sort } = props;
  return (
    <th
      scope="col"
      className={column.numeric ? 'num' : undefined}
      aria-sort={sort ? (sort.descending ? 'descending' : 'ascending') : undefined}
    >
      <button className="sort" type="button" onClick={props.onSort}>
        {column.name || '(no name)'}
        {sort && <Icon name={sort.descending ? 'down' : 'up'} />}
      </button>
    </th>
  );
}

function Charts(props: {
  runId: string;
  path: string;
  columns: TableColumn[];
  numeric: number[];
  shown: number;
  onShow: (column: number) => void;
}): React.ReactElement {
  const { columns, shown } = props;
  const [against, setAgainst] = useState<number | null>(null);
  const points = useQuery({
    queryKey: ['points', props.runId, props.path, shown, against],
    queryFn: ({ signal }) =>
      getJson<{ values: number[][]; total: number }>(
        archiveAddress(props.runId, 'table/points', props.path, {
          x: shown,
          ...(against !== null && { y: against }),
        }),
        signal,
      ),
    placeholderData: (old) => old,
    staleTime: Infinity,
  });
  const name = (i: number): string => columns[i]?.name ?? '';
  const values = points.data?.values ?? [];
  const first = values.map((v) => v[0] ?? 0);
  const complete = against === null || values.every((v) => v.length === 2);
  return (
    <div className="panel histogram">
      <div className="chart-choices">
        <ColumnChoice
          label="Column"
          value={shown}
          columns={columns}
          numeric={props.numeric}
          onChoose={(i) => props.onShow(i ?? shown)}
        />
        <ColumnChoice
          label="Against"
          none="nothing: its distribution"
          value={against}
          columns={columns}
          numeric={props.numeric}
          onChoose={setAgainst}
        />
      </div>
      {against === null ? (
        <HistogramPlot values={first} name={name(shown)} />
      ) : (
        complete && <ScatterPlot points={values} x={name(shown)} y={name(against)} />
      )}
      <dl className="pairs">
        <dt>Values</dt>
        <dd>{(points.data?.total ?? 0).toLocaleString('en')}</dd>
        {columns[shown]?.min !== null && (
          <>
            <dt>Range</dt>
            <dd>
              {figure(columns[shown]?.min ?? 0)} to {figure(columns[shown]?.max ?? 0)}
            </dd>
            <dt>Mean</dt>
            <dd>{figure(columns[shown]?.mean ?? 0)}</dd>
          </>
        )}
        {first.length > 0 && (
          <>
            <dt>Median</dt>
            <dd>{figure(median(first) ?? 0)}</dd>
          </>
        )}
      </dl>
      {points.data && points.data.total > values.length && (
        <p className="hint">Drawn from {values.length.toLocaleString('en')} rows, evenly spread over the table.</p>
      )}
    </div>
  );
}

function ColumnChoice(props: {
  label: string;
  value: number | null;
  /** Text of the choice of no column, where that is one. */
  none?: string;
  columns: TableColumn[];
  numeric: number[];
  onChoose: (column: number | null) => void;
}): React.ReactElement {
  return (
    <label>
      {props.label}{' '}
      <span className="select-wrap">
        <select
          className="select"
          value={props.value ?? ''}
          onChange={(event) => props.onChoose(event.target.value === '' ? null : Number(event.target.value))}
        >
          {props.none !== undefined && <option value="">{props.none}</option>}
          {props.numeric.map((i) => (
            <option key={i} value={i}>
              {props.columns[i]?.name}
            </option>
          ))}
        </select>
        <Icon name="down" />
      </span>
    </label>
  );
}

function HistogramPlot({ values, name }: { values: number[]; name: string }): React.ReactElement | null {
  const bins = histogram(values);
  const most = Math.max(...bins.map((b) => b.count), 1);
  const [low, high] = [bins[0]?.from ?? 0, bins.at(-1)?.to ?? 0];
  const middle = median(values);
  if (!bins.length || middle === null) return null;
  const at = high > low ? ((middle - low) / (high - low)) * 300 : 150;
  return (
    <svg
      viewBox="0 -14 300 150"
      role="img"
      aria-label={`Distribution of ${name}: from ${figure(low)} to ${figure(high)}, median ${figure(middle)}`}
    >
      {bins.map((bin, i) => {
        const width = 300 / bins.length;
        const height = (bin.count / most) * 110;
        return (
          <rect
            key={bin.from}
            className="hist-bar"
            x={i * width + 0.5}
            y={110 - height}
            width={width - 1}
            height={height}
          >
            <title>{`${figure(bin.from)} to ${figure(bin.to)}: ${bin.count}`}</title>
          </rect>
        );
      })}
      <line className="axis" x1="0" y1="110" x2="300" y2="110" />
      <line className="median" x1={at} y1="0" x2={at} y2="110" />
      <text className="median-label" x={at} y="-4" textAnchor={at > 240 ? 'end' : at < 60 ? 'start' : 'middle'}>
        median {figure(middle)}
      </text>
      <text x="0" y="124">
        {figure(low)}
      </text>
      <text x="300" y="124" textAnchor="end">
        {figure(high)}
      </text>
    </svg>
  );
}
