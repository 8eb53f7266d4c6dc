import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, Redirect, Route, Router, Switch, useRoute } from 'wouter';
import { ApiError, basePath, deleteAt, getJson } from './api.ts';
import { Icon } from './icon.tsx';
import type { Session } from './omero-link.tsx';
import { RunPage } from './run-page.tsx';
import { RunsPage } from './runs-page.tsx';
import { SignIn } from './sign-in.tsx';
import { offsetText } from './words.ts';

/** The pages, below the path that a proxy gives them. */
export function App(): React.ReactElement {
  return (
    <Router base={basePath}>
      <Pages />
    </Router>
  );
}

/** Everything behind the sign-in; without one, the sign-in itself. */
function Pages(): React.ReactElement {
  const session = useQuery({ queryKey: ['session'], queryFn: () => getJson<Session>('/api/session') });
  const [onList] = useRoute('/');
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
        <nav aria-label="Main">
          <Link href="/" aria-current={onList ? 'page' : 'true'}>
            Runs
          </Link>
        </nav>
        <div className="topbar-end">
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
        <Switch>
          <Route path="/" component={RunsPage} />
          <Route path="/runs/:id">{(params) => <RunPage id={params.id} />}</Route>
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
      </main>
      <footer className="foot">
        <span>biomero-bridge</span>
        <span>Times are in {zone()}</span>
      </footer>
    </>
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

function zone(): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const offset = offsetText(-new Date().getTimezoneOffset());
  return name === offset ? name : `${name} (${offset})`;
}
