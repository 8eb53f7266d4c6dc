import { useQuery } from '@tanstack/react-query';
import type { ImporterState } from '../../../src/orders/importers.ts';
import type { GroupQueue } from '../../../src/orders/queue.ts';
import { getJson } from '../api.ts';
import { Icon } from '../icon.tsx';
import type { Json } from '../json.ts';
import { useClock } from '../live.ts';
import { StateMark } from '../state.tsx';
import { agoText, durationText, numberText } from '../words.ts';
import { OrdersTable } from './orders-table.tsx';
import { PageHead, Section, TablePanel, Waiting } from './page-parts.tsx';

interface Queue {
  groups: Json<GroupQueue>[];
  importers: Json<ImporterState>[];
}

/** An order that waits longer than this deserves a look. */
const longWaitMs = 30 * 60_000;

/** The upload orders of all groups, and the importers that take them. */
export function QueuePage(): React.ReactElement {
  const queue = useQuery({
    queryKey: ['admin', 'queue'],
    queryFn: ({ signal }) => getJson<Queue>('/api/admin/queue', signal),
    refetchInterval: 5_000,
  });
  const now = useClock(true, 5_000);
  if (!queue.data)
    return (
      <>
        <PageHead title="Orders" />
        <Waiting what="orders" error={queue.error} again={() => void queue.refetch()} />
      </>
    );
  const { groups, importers } = queue.data;
  return (
    <>
      <PageHead title="Orders" lede={lede(groups)} />
      <Alarms importers={importers} pending={sum(groups, 'pending')} />
      <Summary groups={groups} importers={importers} now={now} />
      <Section
        id="groups"
        title="Queue by group"
        aside="Groups take turns, so one backlog does not hold up the others."
      >
        {groups.length === 0 ? (
          <div className="panel empty">
            <h3>No order is open</h3>
            <p>Groups appear here when results wait for their import, and for a day after.</p>
          </div>
        ) : (
          <GroupsTable groups={groups} now={now} />
        )}
      </Section>
      <Section
        id="importers"
        title="Importers"
        aside="Each beats every 5 s. After 20 s it counts as silent; another one takes its orders over."
      >
        <ImportersTable importers={importers} now={now} />
      </Section>
      <OrdersTable groups={groups.map((g) => g.group)} now={now} />
    </>
  );
}

function lede(groups: Json<GroupQueue>[]): string {
  const [pending, importing] = [sum(groups, 'pending'), sum(groups, 'importing')];
  if (pending + importing === 0) return 'Every order is closed.';
  const words = [
    numberText(pending, 'order waits', 'orders wait'),
    importing === 0 ? 'none is being imported' : `${importing.toLocaleString('en')} being imported`,
  ];
  return `${words.join(', ')}.`;
}

/** What holds up everything, ahead of all figures. */
function Alarms(props: { importers: Json<ImporterState>[]; pending: number }): React.ReactElement {
  const stopped = props.importers.filter((i) => i.state === 'stopped');
  const alive = props.importers.some((i) => i.state === 'alive');
  return (
    <div role="status">
      {stopped.map((importer) => (
        <p className="banner warn" key={`${importer.host} ${importer.pid}`}>
          <Icon name="warn" />
          <span>
            <strong>Another kind of importer works on this database.</strong> {importer.host} takes no more orders:{' '}
            {importer.stopped}. Both would import everything twice. Stop the other one, then restart this one.
          </span>
        </p>
      ))}
      {!alive && stopped.length === 0 && props.pending > 0 && (
        <p className="banner warn">
          <Icon name="warn" />
          <span>
            <strong>No importer of this product beats.</strong> Orders wait until one is started (
            <code>biomero-bridge importer</code>), or another kind takes them.
          </span>
        </p>
      )}
    </div>
  );
}

function Summary(props: {
  groups: Json<GroupQueue>[];
  importers: Json<ImporterState>[];
  now: number;
}): React.ReactElement {
  const { groups, importers, now } = props;
  const oldest = groups.find((g) => g.oldestPendingAt !== null);
  const places = importers.filter((i) => i.state === 'alive').reduce((n, i) => n + (i.maxWorkers ?? 0), 0);
  return (
    <dl className="panel summary">
      <div>
        <dt>Pending</dt>
        <dd>{sum(groups, 'pending').toLocaleString('en')}</dd>
      </div>
      <div>
        <dt>Importing</dt>
        <dd>
          {sum(groups, 'importing').toLocaleString('en')}
          {places > 0 && <small>of {numberText(places, 'place')}</small>}
        </dd>
      </div>
      <div>
        <dt>Oldest pending</dt>
        <dd>
          {oldest?.oldestPendingAt ? durationText(now - Date.parse(oldest.oldestPendingAt)) : 'none'}
          {oldest && <small>{oldest.group}</small>}
        </dd>
      </div>
      <div>
        <dt>Finished in 24 h</dt>
        <dd>
          {sum(groups, 'completed').toLocaleString('en')}
          <small>{numberText(sum(groups, 'failed'), 'more failed', 'more failed')}</small>
        </dd>
      </div>
    </dl>
  );
}

function GroupsTable({ groups, now }: { groups: Json<GroupQueue>[]; now: number }): React.ReactElement {
  const most = Math.max(1, ...groups.map((g) => g.pending));
  return (
    <TablePanel label="queue by group">
      <table className="middle">
        <caption className="vh">Open orders by group, the longest waiting first</caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Pending</th>
            <th scope="col" className="num">
              Importing
            </th>
            <th scope="col" className="num">
              Oldest pending
            </th>
            <th scope="col" className="num">
              Finished, 24 h
            </th>
            <th scope="col" className="num">
              Failed, 24 h
            </th>
            <th scope="col">Held up by</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((g) => (
            <tr key={g.group}>
              <th scope="row">{g.group}</th>
              <td>
                <span className="backlog">
                  <span className="num">{g.pending.toLocaleString('en')}</span>
                  <progress className="meter" max={most} value={g.pending} aria-hidden="true" />
                </span>
              </td>
              <td className="num">{g.importing.toLocaleString('en')}</td>
              <td className="num">
                <OldestPending at={g.oldestPendingAt} now={now} />
              </td>
              <td className="num">{g.completed.toLocaleString('en')}</td>
              <td className="num">{g.failed.toLocaleString('en')}</td>
              <td>{g.waitsFor.length > 0 && <code className="path">{g.waitsFor.join(', ')}</code>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TablePanel>
  );
}

function OldestPending({ at, now }: { at: string | null; now: number }): React.ReactElement {
  if (at === null) return <span className="quiet">none</span>;
  const waits = now - Date.parse(at);
  const text = durationText(waits);
  return waits > longWaitMs ? <StateMark tone="warn" icon="warn" word={text} /> : <>{text}</>;
}

const importerStates = {
  alive: { tone: 'ok', icon: 'done', word: 'Alive' },
  silent: { tone: 'warn', icon: 'unknown', word: 'Silent' },
  stopped: { tone: 'fail', icon: 'fail', word: 'Takes no orders' },
} as const;

function ImportersTable(props: { importers: Json<ImporterState>[]; now: number }): React.ReactElement {
  if (props.importers.length === 0)
    return (
      <div className="panel empty">
        <h3>No importer of this product has beaten within a day</h3>
        <p>
          Start one with <code>biomero-bridge importer</code>. BIOMERO&apos;s own importer does not beat and is not
          listed here; its orders are.
        </p>
      </div>
    );
  return (
    <TablePanel label="importers">
      <table className="middle">
        <caption className="vh">Importers with their last heartbeat and what they work on</caption>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Importer</th>
            <th scope="col" className="num">
              Heartbeat
            </th>
            <th scope="col" className="num">
              Busy
            </th>
            <th scope="col">At work on</th>
          </tr>
        </thead>
        <tbody>
          {props.importers.map((i) => (
            <tr key={`${i.host} ${i.pid} ${i.state}`}>
              <td>
                <StateMark {...importerStates[i.state]} />
              </td>
              <th scope="row">
                {i.host} {i.pid !== null && <small>process {i.pid}</small>}
              </th>
              <td className="num">
                {i.state === 'silent'
                  ? agoText(i.lastBeatAt, props.now)
                  : `${durationText(Math.max(0, props.now - Date.parse(i.lastBeatAt)))} ago`}
              </td>
              <td className="num">{i.maxWorkers === null ? i.active : `${i.active} of ${i.maxWorkers}`}</td>
              <td>
                {i.orders.length === 0 ? (
                  <span className="quiet">nothing</span>
                ) : (
                  <code className="path">{i.orders.map((uuid) => uuid.slice(0, 8)).join(', ')}</code>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TablePanel>
  );
}

function sum(groups: Json<GroupQueue>[], name: 'pending' | 'importing' | 'completed' | 'failed'): number {
  return groups.reduce((n, g) => n + g[name], 0);
}
