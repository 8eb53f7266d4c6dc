import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { RunState } from '../../src/runs/view.ts';
import { getJson } from './api.ts';
import { Icon } from './icon.tsx';

/** What the list is narrowed to; empty means everything. Stands in the address, so that it can be sent to somebody. */
export interface RunFilters {
  state: '' | 'attention,failed' | 'running' | 'done';
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
  ['done', 'Finished'],
];
/** Typing is over when nothing was typed for so long. */
const typingMs = 250;

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
    return { '': attention + failed + running + done, 'attention,failed': attention + failed, running, done }[state];
  };
  return (
    <form className="filters" role="search" aria-label="Filter runs" onSubmit={(event) => event.preventDefault()}>
      <Search
        key={filters.text === '' ? 'empty' : 'given'}
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

function Search({ text, onText }: { text: string; onText: (text: string) => void }): React.ReactElement {
  const [typed, setTyped] = useState(text);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      const typing = event.target instanceof Element && event.target.closest('input, select, textarea') !== null;
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', focus);
    return () => {
      document.removeEventListener('keydown', focus);
      clearTimeout(timer.current);
    };
  }, []);
  return (
    <span className="search">
      <Icon name="search" />
      <input
        className="input"
        type="search"
        ref={input}
        aria-label="Search runs"
        placeholder="Run, job, dataset, workflow"
        maxLength={200}
        value={typed}
        onChange={(event) => {
          const next = event.target.value;
          setTyped(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => onText(next.trim()), typingMs);
        }}
      />
      <kbd>/</kbd>
    </span>
  );
}

function Choice(props: {
  label: string;
  all: string;
  value: string;
  names: string[];
  onChoose: (name: string) => void;
}): React.ReactElement | null {
  // A choice of one is none.
  if (props.names.length < 2 && props.value === '') return null;
  const names = props.names.includes(props.value) || props.value === '' ? props.names : [props.value, ...props.names];
  return (
    <span className="select-wrap">
      <select
        className="select"
        aria-label={props.label}
        value={props.value}
        onChange={(event) => props.onChoose(event.target.value)}
      >
        <option value="">{props.all}</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <Icon name="down" />
    </span>
  );
}
