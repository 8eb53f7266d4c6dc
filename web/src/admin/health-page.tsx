import { useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { Link } from 'wouter';
import type { HealthCheck, HealthReport } from '../../../src/http/health-checks.ts';
import { getJson } from '../api.ts';
import { Icon } from '../icon.tsx';
import { StateMark } from '../state.tsx';
import { clockText, numberText } from '../words.ts';
import { PageHead, Section, Waiting } from './page-parts.tsx';

/** Where a check's matter is looked at and put right. */
const pages: Record<string, [path: string, word: string]> = {
  importers: ['/orders', 'Orders and importers'],
  queue: ['/orders', 'Orders'],
  runs: ['/?state=attention%2Cfailed', 'Runs that need attention'],
  storage: ['/storage', 'Storage'],
  mappings: ['/mappings', 'Mappings'],
};

const people: Record<NonNullable<HealthCheck['who']>, string> = {
  researcher: 'the researcher',
  admin: 'an admin of this service',
  it: "the site's IT",
  developer: 'the developers of biomero-bridge',
};

/** What fails first, then what needs a look, then what is well. */
export function HealthPage(): React.ReactElement {
  const again = useRef(false);
  const health = useQuery({
    queryKey: ['admin', 'health'],
    queryFn: ({ signal }) => {
      const address = `/api/admin/health${again.current ? '?again=true' : ''}`;
      again.current = false;
      return getJson<HealthReport>(address, signal);
    },
    refetchInterval: 60_000,
  });
  if (!health.data)
    return (
      <>
        <PageHead title="Health" />
        <Waiting what="checks" error={health.error} again={() => void health.refetch()} />
      </>
    );
  const { at, checks } = health.data;
  const of = (outcome: HealthCheck['outcome']): HealthCheck[] => checks.filter((c) => c.outcome === outcome);
  const needs = [...of('failed'), ...of('warning')];
  return (
    <>
      <PageHead title="Health" lede={`${lede(checks)} Checked at ${clockText(at)}, every minute.`}>
        <button
          className="button"
          type="button"
          aria-busy={health.isFetching}
          onClick={() => {
            if (health.isFetching) return;
            again.current = true;
            void health.refetch();
          }}
        >
          {health.isFetching ? 'Checking' : 'Check again'}
        </button>
      </PageHead>
      {needs.length > 0 && (
        <Section id="needs" title="Needs someone">
          <ul className="panel">
            {needs.map((check) => (
              <li className="check" key={check.id}>
                <Outcome check={check} />
                <div>
                  <h3>{check.title}</h3>
                  <p>
                    {check.detail} {check.code && <code>{check.code}</code>}
                  </p>
                  {check.remedy && (
                    <p className="do">
                      <strong>What to do:</strong> {check.remedy}
                      {check.who && <small> Who: {people[check.who]}.</small>}
                    </p>
                  )}
                  <More id={check.id} />
                </div>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section id="well" title="In order" aside={numberText(of('passed').length, 'check')}>
        <ul className="panel check-list">
          {of('passed').map((check) => (
            <li key={check.id}>
              <span className="ok">
                <Icon name="done" />
                <span className="vh">Pass</span>
              </span>
              <span>
                {check.title} {check.detail && <small>{check.detail}</small>}
              </span>
            </li>
          ))}
        </ul>
      </Section>
      {of('skipped').length > 0 && (
        <Section id="not-tried" title="Not tried" aside={numberText(of('skipped').length, 'check')}>
          <ul className="panel check-list">
            {of('skipped').map((check) => (
              <li key={check.id}>
                <span aria-hidden="true">
                  <Icon name="wait" />
                </span>
                <span>
                  {check.title} <small>{check.detail}</small>
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <p className="hint below">
        As this web server sees it. <code>biomero-bridge doctor</code> tries more, from whichever machine it is called
        on; with <code>--probe</code> and <code>--smoke</code> it also imports.
      </p>
    </>
  );
}

function lede(checks: HealthCheck[]): string {
  const [failed, warned] = (['failed', 'warning'] as const).map((o) => checks.filter((c) => c.outcome === o).length);
  if (!failed && !warned) return 'Everything is in order.';
  const words = [
    ...(failed ? [numberText(failed, 'check fails', 'checks fail')] : []),
    ...(warned ? [numberText(warned, 'needs a look', 'need a look')] : []),
  ];
  return `${words.join(', ')}.`;
}

function Outcome({ check }: { check: HealthCheck }): React.ReactElement {
  if (check.outcome === 'failed') return <StateMark tone="fail" icon="fail" word="Failing" />;
  return <StateMark tone="warn" icon="warn" word="Attention" />;
}

function More({ id }: { id: string }): React.ReactElement | null {
  const page = pages[id];
  return page ? (
    <p>
      <Link href={page[0]}>{page[1]}</Link>
    </p>
  ) : null;
}
