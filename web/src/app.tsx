import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { Link, Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { ApiError, basePath, deleteAt, getJson } from './api.ts';
import { Foot } from './foot.tsx';
import { HelpDialog } from './help-dialog.tsx';
import { Icon } from './icon.tsx';
import { useShortcuts } from './keyboard.ts';
import { LiveMark } from './live-mark.tsx';
import { Loading } from './loading.tsx';
import type { Session } from './omero-link.tsx';
import { PageFault } from './page-fault.tsx';
import { RunPage } from './run-page.tsx';
import { RunsPage } from './runs-page.tsx';
import { SignIn } from './sign-in.tsx';

const SharedPages = lazy(async () => ({ default: (await import('./shared-page.tsx')).SharedPages }));
const StartPage = lazy(async () => ({ default: (await import('./start/start-page.tsx')).StartPage }));
const QueuePage = lazy(async () => ({ default: (await import('./admin/queue-page.tsx')).QueuePage }));
const OrderPage = lazy(async () => ({ default: (await import('./admin/order-page.tsx')).OrderPage }));
const HealthPage = lazy(async () => ({ default: (await import('./admin/health-page.tsx')).HealthPage }));
const MappingsPage = lazy(async () => ({ default: (await import('./admin/mappings-page.tsx')).MappingsPage }));
const StoragePage = lazy(async () => ({ default: (await import('./admin/storage-page.tsx')).StoragePage }));
const NotificationsPage = lazy(async () => ({
  default: (await import('./admin/notifications-page.tsx')).NotificationsPage,
}));
const AuditPage = lazy(async () => ({ default: (await import('./admin/audit-page.tsx')).AuditPage }));

/** Pages for administrators, by their address. */
const adminPages: [path: string, word: string][] = [
  ['/orders', 'Orders'],
  ['/mappings', 'Mappings'],
  ['/storage', 'Storage'],
  ['/health', 'Health'],
  ['/notifications', 'Notifications'],
  ['/audit', 'Audit'],
];

/** The pages, below the path that a proxy gives them. */
export function App(): React.ReactElement {
  return (
    <Router base={basePath}>
      <PageFault>
        <Suspense fallback={<div className="page" aria-busy="true" />}>
          <Switch>
            <Route path="/shared/*?" component={SharedPages} />
            <Route component={Pages} />
          </Switch>
        </Suspense>
      </PageFault>
    </Router>
  );
}

/** Everything behind the sign-in; without one, the sign-in itself. */
function Pages(): React.ReactElement {
  const session = useQuery({ queryKey: ['session'], queryFn: () => getJson<Session>('/api/session') });
  const { help, setHelp } = useShortcuts();
  const [at] = useLocation();
  if (session.isPending) return <div className="page" aria-busy="true" />;
  if (session.error instanceof ApiError && session.error.status === 401)
    return <SignIn ended={session.data !== undefined} />;
  // While the server is away, whoever was signed in keeps what is on the page.
  if (session.data === undefined)
    return (
      <main className="page">
        <h1>The server does not answer</h1>
        <p className="lede">{session.error.message}</p>
        <button className="button primary" type="button" onClick={() => void session.refetch()}>
          Try again
        </button>
      </main>
    );
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="topbar">
        <Link className="brand" href="/">
          <Icon name="bridge" />
          biomero-bridge
        </Link>
        <MainNav admin={session.data.admin} />
        <div className="topbar-end">
          <LiveMark />
          <span className="who">
            <Icon name="user" />
            <span className="long">
              {session.data.user}
              {session.data.admin && session.data.user !== 'quick start' && ', admin'}
            </span>
          </span>
          <SignOut />
        </div>
      </header>
      <main className="page" id="main">
        <PageFault key={at}>
          <Suspense fallback={<Loading what="page" />}>
            <Switch>
              <Route path="/" component={RunsPage} />
              <Route path="/start" component={StartPage} />
              <Route path="/runs/:id">{(params) => <RunPage id={params.id} />}</Route>
              {session.data.admin && <Route path="/orders" component={QueuePage} />}
              {session.data.admin && <Route path="/orders/:uuid">{(params) => <OrderPage uuid={params.uuid} />}</Route>}
              {session.data.admin && <Route path="/mappings" component={MappingsPage} />}
              {session.data.admin && <Route path="/health" component={HealthPage} />}
              {session.data.admin && <Route path="/storage" component={StoragePage} />}
              {session.data.admin && <Route path="/notifications" component={NotificationsPage} />}
              {session.data.admin && <Route path="/audit" component={AuditPage} />}
              <Route path="/sign-in">
                <Redirect to="/" />
              </Route>
              <Route>
                <h1>There is nothing here</h1>
                <p className="lede">
                  <Link href="/">All runs</Link>
                </p>
              </Route>
            </Switch>
          </Suspense>
        </PageFault>
      </main>
      <Foot onHelp={() => setHelp(true)} />
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </>
  );
}

function MainNav({ admin }: { admin: boolean }): React.ReactElement {
  const [at] = useLocation();
  const nav = useRef<HTMLElement>(null);
  // Where the window is too narrow for all of them, the page that is shown is in sight.
  useEffect(() => {
    const box = nav.current;
    const here = box?.querySelector<HTMLElement>('[aria-current]');
    if (box && here) box.scrollLeft = here.offsetLeft - box.offsetLeft - (box.clientWidth - here.offsetWidth) / 2;
  });
  const current = (path: string): 'page' | 'true' | undefined =>
    at === path ? 'page' : at.startsWith(`${path}/`) ? 'true' : undefined;
  return (
    <nav aria-label="Main" ref={nav}>
      <Link href="/" aria-current={at === '/' ? 'page' : current('/runs')}>
        Runs
      </Link>
      {admin &&
        adminPages.map(([path, word]) => (
          <Link key={path} href={path} aria-current={current(path)}>
            {word}
          </Link>
        ))}
    </nav>
  );
}

function SignOut(): React.ReactElement {
  const [failed, setFailed] = useState(false);
  return (
    <button
      className="button bare small"
      type="button"
      onClick={() =>
        // A full load: nothing of the session stays in memory.
        void deleteAt('/api/session').then(
          () => location.assign(`${basePath}/`),
          () => setFailed(true),
        )
      }
    >
      <Icon name="out" />
      {failed ? 'Sign out failed, try again' : 'Sign out'}
    </button>
  );
}
