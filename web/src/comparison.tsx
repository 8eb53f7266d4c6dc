import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { ComparedRow, Comparison as Answer } from '../../src/runs/compare.ts';
import { getJson } from './api.ts';
import type { Json } from './json.ts';
import { Time } from './time.tsx';
import { durationText, numberText, sizeText } from './words.ts';

/** What is different from the last run of the workflow that ended well. Nothing is shown while there is none. */
export function Comparison(props: {
  runId: string;
  /** Changes when the run has ended or a step has. */
  version: string;
}): React.ReactElement | null {
  const [all, setAll] = useState(false);
  const found = useQuery({
    queryKey: ['comparison', props.runId, props.version],
    queryFn: ({ signal }) => getJson<Json<Answer>>(`/api/runs/${props.runId}/comparison`, signal),
    placeholderData: (old) => old,
    staleTime: Infinity,
  });
  if (!found.data?.other) return null;
  const { other, rows } = found.data;
  const different = rows.filter((row) => row.differs);
  const same = rows.filter((row) => !row.differs && row.here !== null);
  const shown = all ? [...different, ...same] : different;
  return (
    <section className="section" id="comparison" aria-labelledby="comparison-title">
      <div className="section-head">
        <h2 id="comparison-title">Against the last good run</h2>
        <span className="aside">
          {different.length === 0 ? 'Nothing is different.' : numberText(different.length, 'difference')}
        </span>
      </div>
      <div className="panel clip">
        {shown.length > 0 && (
          <table className="compare">
            <caption className="vh">This run beside the last run of the workflow that ended well</caption>
            <thead>
              <tr>
                <th scope="col">
                  <span className="vh">What</span>
                </th>
                <th scope="col">
                  <Link href={`/runs/${other.id}`}>{other.id.slice(0, 8)}</Link> <Time iso={other.launchedAt} quiet />
                </th>
                <th scope="col">This run</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <tr key={`${row.about} ${row.name}`}>
                  <th scope="row">{row.about === 'parameter' ? <code>{row.name}</code> : row.name}</th>
                  <td>{valueText(row, row.there)}</td>
                  <td className={row.differs ? 'differs' : undefined}>{valueText(row, row.here)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <div className="table-foot">
          <span>
            {shown.length === 0 && (
              <>
                Compared with <Link href={`/runs/${other.id}`}>{other.id.slice(0, 8)}</Link>.{' '}
              </>
            )}
            {all ? `${numberText(same.length, 'property', 'properties')} are the same.` : sameText(same)}
          </span>
          {same.length > 0 && (
            <button className="button small" type="button" aria-expanded={all} onClick={() => setAll(!all)}>
              {all ? 'Show differences only' : 'Show all'}
            </button>
          )}
        </div>
      </div>
    </section>
  );
}

function valueText(row: ComparedRow, value: ComparedRow['here']): string {
  if (value === null) return 'none';
  if (typeof value === 'string') return value;
  if (row.unit === 'bytes') return sizeText(value);
  return row.unit === 'ms' ? durationText(value) : value.toLocaleString('en');
}

function sameText(same: ComparedRow[]): string {
  const words: [ComparedRow['about'], string][] = [
    ['version', 'versions'],
    ['parameter', 'parameters'],
    ['count', 'counts'],
    ['duration', 'durations'],
  ];
  const named = words.flatMap(([about, word]) => (same.some((row) => row.about === about) ? [word] : []));
  return named.length === 0 ? '' : `The same or alike: ${named.join(', ')} (${same.length}).`;
}
