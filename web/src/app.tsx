import { useQuery } from '@tanstack/react-query';
import { Link, Route, Switch } from 'wouter';
import { ApiError, getJson } from './api.ts';
import { Icon } from './icon.tsx';
import { RunPage } from './run-page.tsx';
import { RunsPage } from './runs-page.tsx';
import { SignIn } from './sign-in.tsx';

/** Everything behind the sign-in; without one, the sign-in itself. */
export function App(): React.ReactElement {
  const session = useQuery({ queryKey: ['session'], queryFn: () => getJson<{ user: string }>('/api/session') });
  if (session.isPending) return <div className="page" aria-busy="true" />;
  if (session.error instanceof ApiError && session.error.status === 401) return <SignIn />;
  if (session.error)
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
          <Link href="/" aria-current="page">
            Runs
          </Link>
        </nav>
        <div className="topbar-end">
          <span className="who">
            <Icon name="user" />
            {session.data.user}
          </span>
        </div>
      </header>
      <main className="page" id="main">
        <Switch>
          <Route path="/" component={RunsPage} />
          <Route path="/runs/:id">{(params) => <RunPage id={params.id} />}</Route>
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
        <span>Times are in {Intl.DateTimeFormat().resolvedOptions().timeZone}</span>
      </footer>
    </>
  );
}
