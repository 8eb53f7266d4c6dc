import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { z } from 'zod';
import type { notificationList, notificationTest } from '../../../src/http/schemas/notifications.ts';
import { getJson, postFor } from '../api.ts';
import { refusalText } from '../reason-dialog.tsx';
import { StateMark } from '../state.tsx';
import { Time } from '../time.tsx';
import { PageHead, TablePanel, Waiting } from './page-parts.tsx';

type List = z.infer<typeof notificationList>;
type Told = List['notifications'][number];

const title = 'Notifications';
const wayWords = { mail: 'Mail', webhook: 'Webhook' } as const;
const stateWords = { done: 'Done', failed: 'Failed', attention: 'Needs attention' } as const;

/** Who was told of which run, by which way, and a test of these ways. */
export function NotificationsPage(): React.ReactElement {
  const list = useQuery({
    queryKey: ['admin', 'notifications'],
    queryFn: ({ signal }) => getJson<List>('/api/admin/notifications', signal),
    refetchInterval: 30_000,
  });
  const test = useMutation({
    mutationFn: () => postFor<z.infer<typeof notificationTest>>('/api/admin/notifications/test', {}),
  });
  if (!list.data)
    return (
      <>
        <PageHead title={title} />
        <Waiting what="notifications" error={list.error} again={() => void list.refetch()} />
      </>
    );
  const { ways, notifications } = list.data;
  if (ways.length === 0)
    return (
      <>
        <PageHead title={title} />
        <div className="panel empty">
          <h2>Nobody is told of anything</h2>
          <p>
            Mail is sent once BIOMERO_BRIDGE_SMTP_URL, BIOMERO_BRIDGE_MAIL_FROM and BIOMERO_BRIDGE_MAIL_TO are set; a
            webhook is called once BIOMERO_BRIDGE_WEBHOOK_URL and BIOMERO_BRIDGE_WEBHOOK_SECRET are.
          </p>
        </div>
      </>
    );
  return (
    <>
      <PageHead
        title={title}
        lede={`Once, when a run ended or needs somebody, by ${ways.map((way) => wayWords[way].toLowerCase()).join(' and ')}.`}
      >
        <button
          className="button"
          type="button"
          aria-busy={test.isPending}
          onClick={() => !test.isPending && test.mutate()}
        >
          Send a test
        </button>
      </PageHead>
      <div role="status">
        {test.error && <p className="fail">{refusalText(test.error)}</p>}
        {test.data?.results.map(({ way, problem }) => (
          <p key={way} className={problem === null ? '' : 'fail'}>
            {wayWords[way]}: {problem ?? 'the test was sent.'}
          </p>
        ))}
      </div>
      {notifications.length === 0 ? (
        <div className="panel empty">
          <h2>Nothing was told yet</h2>
          <p>What happened before notifications were switched on is not told.</p>
        </div>
      ) : (
        <div className="section">
          <TablePanel label="notifications">
            <table className="middle">
              <caption className="vh">Notifications, newest first</caption>
              <thead>
                <tr>
                  <th scope="col">Sent</th>
                  <th scope="col">Run</th>
                  <th scope="col">Told</th>
                  <th scope="col">By</th>
                  <th scope="col" className="num">
                    Time
                  </th>
                </tr>
              </thead>
              <tbody>
                {notifications.map((one) => (
                  <Row key={one.id} told={one} />
                ))}
              </tbody>
            </table>
          </TablePanel>
        </div>
      )}
    </>
  );
}

function Row({ told }: { told: Told }): React.ReactElement {
  return (
    <tr>
      <td>
        {told.sentAt !== null ? (
          <StateMark tone="ok" icon="done" word="Sent" />
        ) : told.givenUpAt !== null ? (
          <StateMark tone="fail" icon="fail" word="Given up" />
        ) : (
          <StateMark
            tone={told.problem === null ? 'idle' : 'warn'}
            icon={told.problem === null ? 'wait' : 'warn'}
            word="Not yet"
          />
        )}
        {told.problem !== null && <small className="says">{told.problem}</small>}
      </td>
      <th scope="row">
        <Link href={`/runs/${told.run}`}>{told.run.slice(0, 8)}</Link>
      </th>
      <td>{stateWords[told.state]}</td>
      <td>{wayWords[told.way]}</td>
      <td className="num">
        <Time iso={told.madeAt} />
      </td>
    </tr>
  );
}
