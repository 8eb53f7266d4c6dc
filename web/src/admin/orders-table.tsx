import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { OrderSummary } from '../../../src/orders/list-orders.ts';
import { getJson } from '../api.ts';
import { Choice } from '../choice.tsx';
import type { Json } from '../json.ts';
import { StageMark } from '../state.tsx';
import { Time } from '../time.tsx';
import { agoText, numberText } from '../words.ts';
import { OrderActions } from './order-actions.tsx';
import { Section, TablePanel, Waiting } from './page-parts.tsx';

type Show = 'open' | 'failed' | 'all';
const shows: [Show, string][] = [
  ['open', 'Open'],
  ['failed', 'Failed'],
  ['all', 'All'],
];
const steps = [20, 100, 500];

/** Orders one by one: the open ones oldest first, the others newest first. */
export function OrdersTable({ groups, now }: { groups: string[]; now: number }): React.ReactElement {
  const [show, setShow] = useState<Show>('open');
  const [group, setGroup] = useState('');
  const [step, setStep] = useState(0);
  const query = new URLSearchParams({ show, limit: String(steps[step]), ...(group ? { group } : {}) }).toString();
  const orders = useQuery({
    queryKey: ['admin', 'orders', query],
    queryFn: ({ signal }) =>
      getJson<{ orders: Json<OrderSummary>[]; more: boolean }>(`/api/admin/orders?${query}`, signal),
    refetchInterval: 5_000,
    placeholderData: (old) => old,
  });
  const rows = orders.data?.orders ?? [];
  return (
    <Section
      id="orders"
      title="Orders"
      actions={
        <>
          <Choice label="Group" all="All groups" value={group} names={groups} onChoose={setGroup} />
          <span className="segments small" role="group" aria-label="Which orders">
            {shows.map(([name, word]) => (
              <button key={name} type="button" aria-pressed={show === name} onClick={() => setShow(name)}>
                {word}
              </button>
            ))}
          </span>
        </>
      }
    >
      {!orders.data ? (
        <Waiting what="orders" error={orders.error} again={() => void orders.refetch()} />
      ) : rows.length === 0 ? (
        <div className="panel empty">
          <h3>{show === 'open' ? 'No order is open' : show === 'failed' ? 'No order failed' : 'There is no order'}</h3>
          <p>An order is placed for the images of a run once its results are archived.</p>
        </div>
      ) : (
        <TablePanel
          label="orders"
          foot={
            <>
              <span>
                {numberText(rows.length, 'order')} shown{show === 'open' && ', those that wait longest first'}
              </span>
              {orders.data.more && step < steps.length - 1 && (
                <button className="button small" type="button" onClick={() => setStep(step + 1)}>
                  Show more
                </button>
              )}
            </>
          }
        >
          <table className="middle">
            <caption className="vh">Upload orders with their stage and what holds them up</caption>
            <thead>
              <tr>
                <th scope="col">Order</th>
                <th scope="col">Stage</th>
                <th scope="col">Group, user</th>
                <th scope="col">Goes to</th>
                <th scope="col" className="num">
                  Files
                </th>
                <th scope="col" className="num">
                  Placed
                </th>
                <th scope="col">What is said of it</th>
                <th scope="col">
                  <span className="vh">Action</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((order) => (
                <tr key={order.uuid}>
                  <th scope="row">
                    <Link href={`/orders/${encodeURIComponent(order.uuid)}`} data-row="">
                      <code>{order.uuid.slice(0, 8)}</code>
                    </Link>
                  </th>
                  <td>
                    <StageMark stage={order.stage} />
                  </td>
                  <td>
                    <bdi>{order.group}</bdi>{' '}
                    <small>
                      <bdi>{order.user}</bdi>
                    </small>
                  </td>
                  <td className="nowrap">{order.destination}</td>
                  <td className="num">{order.files?.toLocaleString('en') ?? ''}</td>
                  <td className="num">
                    {order.placedAt !== null && (
                      <>
                        {agoText(order.placedAt, now)}
                        <small>
                          <Time iso={order.placedAt} />
                        </small>
                      </>
                    )}
                  </td>
                  <td className="says">{remarkOf(order)}</td>
                  <td className="num">
                    <OrderActions uuid={order.uuid} stage={order.stage} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TablePanel>
      )}
    </Section>
  );
}

function remarkOf(order: Json<OrderSummary>): string {
  if (order.waitsFor !== null) return `Waits: ${order.waitsFor}`;
  if (order.holder) return `On ${order.holder.host}, process ${order.holder.pid}`;
  return (order.description ?? '').slice(0, 200);
}
