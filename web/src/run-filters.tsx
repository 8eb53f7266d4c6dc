import { useQuery } from '@tanstack/react-query';
import type { RunState } from '../../src/runs/view.ts';
import { getJson } from './api.ts';
import { Choice } from './choice.tsx';
import { SearchField } from './search-field.tsx';

/** What the list is narrowed to; empty means everything. Stands in the address, so that it can be sent to somebody. */
export interface RunFilters {
  state: '' | 'attention,failed' | 'running' | 'done,given-up';
  group: string;
  user: string;
  workflow: string;
  text: string;
}

const noFilters: RunFilters = { state: '', group: '', user: '', workflow: '', text: '' };
const segments: [RunFilters['state'], string][] = [
  ['', 'All'],
  ['attention,failed', 'Needs attention'],
  ['running', 'In progress'],
  ['done,given-up', 'Finished'],
];

export function readFilters(search: string): RunFilters {
  const given = new URLSearchParams(search);
  const state = segments.find(([s]) => s === given.get('state'))?.[0] ?? '';
  const text = (name: string): string => (given.get(name) ?? '').slice(0, 200);
  return { state, group: text('group'), user: text('user'), workflow: text('workflow'), text: text('text') };
}

/** As a query, for the address and for the server alike. */
export function filterQuery(filters: RunFilters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) if (value !== '') query.set(name, value);
  return query.toString();
}

export function isFiltered(filters: RunFilters): boolean {
  return filterQuery(filters) !== '';
}

/** Search, states with their counts, and names, above the list. */
export function RunFilterBar(props: {
  filters: RunFilters;
  /** Changes when the runs do, so that the counts are read again. */
  version: string;
  onChange: (filters: RunFilters) => void;
}): React.ReactElement {
  const { filters, onChange } = props;
  const others = { ...filters, state: '' as const };
  const counts = useQuery({
    queryKey: ['run-counts', filterQuery(others), props.version],
    queryFn: ({ signal }) => getJson<Record<RunState, number>>(`/api/runs/counts?${filterQuery(others)}`, signal),
    placeholderData: (old) => old,
  });
  const names = useQuery({
    queryKey: ['run-names', props.version],
    queryFn: () => getJson<{ groups: string[]; users: string[]; workflows: string[] }>('/api/runs/names'),
    placeholderData: (old) => old,
  });
  const count = (state: RunFilters['state']): number | null => {
    if (!counts.data) return null;
    const { attention, failed, running, done } = counts.data;
    const ended = done + counts.data['given-up'];
    return {
      '': attention + failed + running + ended,
      'attention,failed': attention + failed,
      running,
      'done,given-up': ended,
    }[state];
  };
  return (
    <form className="filters" role="search" aria-label="Filter runs" onSubmit={(event) => event.preventDefault()}>
      <SearchField
        key={filters.text === '' ? 'empty' : 'given'}
        label="Search runs"
        placeholder="Run, job, dataset, workflow"
        text={filters.text}
        onText={(text) => onChange({ ...filters, text })}
      />
      <span className="segments" role="group" aria-label="State">
        {segments.map(([state, word]) => (
          <button
            key={state}
            type="button"
            aria-pressed={filters.state === state}
            onClick={() => onChange({ ...filters, state })}
          >
            {word} <span className="n">{count(state) ?? ''}</span>
          </button>
        ))}
      </span>
      <Choice
        label="Group"
        all="All groups"
        value={filters.group}
        names={names.data?.groups ?? []}
        onChoose={(group) => onChange({ ...filters, group })}
      />
      <Choice
        label="User"
        all="Everyone"
        value={filters.user}
        names={names.data?.users ?? []}
        onChoose={(user) => onChange({ ...filters, user })}
      />
      <Choice
        label="Workflow"
        all="All workflows"
        value={filters.workflow}
        names={names.data?.workflows ?? []}
        onChoose={(workflow) => onChange({ ...filters, workflow })}
      />
      {isFiltered(filters) && (
        <button className="button bare small" type="button" onClick={() => onChange(noFilters)}>
          Show all
        </button>
      )}
    </form>
  );
}
