import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { OrderHistory } from '../../../src/orders/read-order-history.ts';
import { getJson } from '../api.ts';
import { Copyable } from '../copy.tsx';
import { Icon } from '../icon.tsx';
import type { Json } from '../json.ts';
import { ImportStateMark, StageMark } from '../state.tsx';
import { Time } from '../time.tsx';
import { numberText } from '../words.ts';
import { ImportLog } from './import-log.tsx';
import { OrderActions } from './order-actions.tsx';
import { PageHead, Section, TablePanel, Waiting } from './page-parts.tsx';

type Order = Json<OrderHistory> & { filesTotal: number };

/** Everything that is known about one upload order. */
export function OrderPage({ uuid }: { uuid: string }): React.ReactElement {
  const found = useQuery({
    queryKey: ['admin', 'order', uuid],
    queryFn: ({ signal }) => getJson<Order>(`/api/admin/orders/${encodeURIComponent(uuid)}`, signal),
    refetchInterval: 5_000,
  });
  const order = found.data;
  return (
    <>
      <nav className="crumb" aria-label="Breadcrumb">
        <Link href="/orders">Orders</Link>
        <Icon name="right" />
        <span>{order?.group ?? 'Order'}</span>
      </nav>
      <PageHead title={`Order ${uuid.slice(0, 8)}`}>
        {order && <OrderActions uuid={order.uuid} stage={stageOf(order)} retried={order.retriedBy.length > 0} />}
      </PageHead>
      {order ? (
        <Details order={order} />
      ) : (
        <Waiting what="order" error={found.error} again={() => void found.refetch()} />
      )}
    </>
  );
}

/** Stages that only an importer writes that has begun. */
const hasBegun: ReadonlySet<string> = new Set(['Import Started', 'Import Preprocessing']);

/** The row that closed it. */
function closingRow(order: Order): Order['rows'][number] | undefined {
  return order.rows.findLast((r) => r.stage === 'Import Completed' || r.stage === 'Import Failed');
}

/** The row that closed it, else the newest. */
function stageOf(order: Order): string {
  return (closingRow(order) ?? order.rows.at(-1))?.stage ?? '';
}

/** An order that was refused or cancelled tried none of its files, and none waits any more. */
function fileState(order: Order, file: Order['files'][number]): Order['files'][number]['state'] {
  return file.state === 'waiting' && closingRow(order) ? 'failed' : file.state;
}

function Details({ order }: { order: Order }): React.ReactElement {
  return (
    <>
      <div className="panel columns section first">
        <div>
          <h2>What it asks for</h2>
          <dl className="pairs">
            <dt>Order</dt>
            <dd>
              <Copyable text={order.uuid} what="order uuid" />
            </dd>
            <dt>For</dt>
            <dd>
              <bdi>{order.user}</bdi> in <bdi>{order.group}</bdi>
            </dd>
            <dt>Goes to</dt>
            <dd>{order.destination}</dd>
            <dt>Files</dt>
            <dd>{numberText(order.filesTotal, 'file')}</dd>
          </dl>
        </div>
        <div>
          <h2>Where it belongs</h2>
          <dl className="pairs">
            <dt>Run</dt>
            <dd>{order.run ? <Link href={`/runs/${order.run}`}>{order.run}</Link> : 'none of ours'}</dd>
            {order.archive && (
              <>
                <dt>Archive</dt>
                <dd>
                  <Copyable text={order.archive} what="archive path" />
                </dd>
              </>
            )}
            {order.retryOf && (
              <>
                <dt>Retry of</dt>
                <dd>
                  <Link href={`/orders/${order.retryOf}`}>{order.retryOf}</Link>
                </dd>
              </>
            )}
            {order.retriedBy.map((uuid) => (
              <Pair key={uuid} name="Retried by">
                <Link href={`/orders/${uuid}`}>{uuid}</Link>
              </Pair>
            ))}
            {order.holder && !closingRow(order) && (
              <Pair name="Imported by">
                {order.holder.host}, process {order.holder.pid}
              </Pair>
            )}
          </dl>
        </div>
        {order.trouble && (
          <div>
            <h2>Why it waits</h2>
            <dl className="pairs">
              <Pair name="Reason">{order.trouble.reason}</Pair>
              <Pair name="Code">
                <code>{order.trouble.code ?? 'UNEXPECTED'}</code>
              </Pair>
              {order.trouble.failures > 0 && (
                <Pair name="Attempts">
                  {order.trouble.failures}, the next at <Time iso={order.trouble.nextAt} exact />
                </Pair>
              )}
            </dl>
          </div>
        )}
      </div>
      <Section id="stages" title="What happened">
        <TablePanel label="what happened">
          <table>
            <caption className="vh">Stages of the order and what people did with it, in the order of time</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">What</th>
                <th scope="col">By</th>
                <th scope="col">Said of it</th>
              </tr>
            </thead>
            <tbody>
              {eventsOf(order).map((event, i) => (
                <tr key={i}>
                  <td className="nowrap">{event.at === null ? 'unknown' : <Time iso={event.at} exact />}</td>
                  <td className="nowrap">{event.stage ? <StageMark stage={event.stage} /> : event.action}</td>
                  <td>
                    <bdi>{event.by}</bdi>
                  </td>
                  <td className="says">{event.said}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TablePanel>
      </Section>
      {order.rows.some((row) => hasBegun.has(row.stage)) && <ImportLog uuid={order.uuid} open={!closingRow(order)} />}
      <Section id="files" title="Files">
        <TablePanel
          label="files"
          foot={
            order.files.length < order.filesTotal && (
              <span>
                The first {order.files.length} of {order.filesTotal.toLocaleString('en')} files
              </span>
            )
          }
        >
          <table>
            <caption className="vh">Files of the order with what became of them</caption>
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col">State</th>
                <th scope="col">In OMERO</th>
              </tr>
            </thead>
            <tbody>
              {order.files.map((file) => (
                <tr key={file.path}>
                  <th scope="row">
                    <code className="path">{file.path}</code>
                    {file.error && <small className="fail">{file.error}</small>}
                  </th>
                  <td>
                    <ImportStateMark state={fileState(order, file)} />
                  </td>
                  <td>
                    {file.imageIds.length > 0 && `Image ${file.imageIds.slice(0, 10).join(', ')}`}
                    {file.plateIds.length > 0 && `Plate ${file.plateIds.slice(0, 10).join(', ')}`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TablePanel>
      </Section>
    </>
  );
}

function Pair(props: { name: string; children: React.ReactNode }): React.ReactElement {
  return (
    <>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </>
  );
}

interface OrderEvent {
  /** null: its row tells no time that can be. */
  at: string | null;
  stage?: string;
  action?: string;
  by: string;
  said: string;
}

function eventsOf(order: Order): OrderEvent[] {
  const stages = order.rows.map((row, i) => ({
    at: row.at,
    stage: row.stage,
    by: i === 0 ? order.user : row.ours ? '' : 'another importer',
    said: row.description ?? '',
  }));
  const people = order.people.map((p) => ({ at: p.at, action: p.action, by: p.who, said: p.reason ?? '' }));
  return [...stages, ...people].sort((a, b) => (a.at ?? '').localeCompare(b.at ?? ''));
}
