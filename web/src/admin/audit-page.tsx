import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { AuditEntry } from '../../../src/runs/read-audit.ts';
import { getJson } from '../api.ts';
import type { Json } from '../json.ts';
import { SearchField } from '../search-field.tsx';
import { Time } from '../time.tsx';
import { numberText } from '../words.ts';
import { PageHead, TablePanel, Waiting } from './page-parts.tsx';

interface AuditAnswer {
  entries: Json<AuditEntry>[];
  next: string | null;
}

/** What people did, and why. */
export function AuditPage(): React.ReactElement {
  const [text, setText] = useState('');
  const pages = useInfiniteQuery({
    queryKey: ['admin', 'audit', text],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams();
      if (text) query.set('text', text);
      if (pageParam !== null) query.set('before', pageParam);
      return getJson<AuditAnswer>(`/api/admin/audit?${query.toString()}`, signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: (old) => old,
  });
  const entries = pages.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <>
      <PageHead
        title="Audit"
        lede="Whoever retried, cancelled or gave something up, or changed a mapping: when, and why."
      />
      <form
        className="filters"
        role="search"
        aria-label="Search the audit"
        onSubmit={(event) => event.preventDefault()}
      >
        <SearchField label="Search the audit" placeholder="Person, action, reason" text={text} onText={setText} />
      </form>
      {!pages.data ? (
        <Waiting what="audit" error={pages.error} again={() => void pages.refetch()} />
      ) : entries.length === 0 ? (
        <div className="panel empty">
          <h2>{text ? 'Nothing matches' : 'Nobody has changed anything yet'}</h2>
          <p>Retries, cancellations, runs that were given up and changes of mappings appear here.</p>
        </div>
      ) : (
        <TablePanel
          label="audit"
          foot={
            <>
              <span>{numberText(entries.length, 'entry', 'entries')} shown</span>
              {pages.hasNextPage && (
                <button className="button small" type="button" onClick={() => void pages.fetchNextPage()}>
                  Show older entries
                </button>
              )}
            </>
          }
        >
          <table>
            <caption className="vh">What people did, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Who</th>
                <th scope="col">Did what</th>
                <th scope="col">To</th>
                <th scope="col">Reason</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry, i) => (
                <tr key={`${entry.at} ${i}`}>
                  <td className="nowrap">
                    <Time iso={entry.at} />
                  </td>
                  <th scope="row">
                    <bdi>{entry.who}</bdi>
                  </th>
                  <td className="nowrap">{entry.action}</td>
                  <td className="nowrap">
                    {entry.run && <Link href={`/runs/${entry.run}`}>run {entry.run.slice(0, 8)}</Link>}
                    {entry.order && <Link href={`/orders/${entry.order}`}>order {entry.order.slice(0, 8)}</Link>}
                  </td>
                  <td className="says">
                    <bdi>{entry.reason}</bdi>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TablePanel>
      )}
    </>
  );
}
