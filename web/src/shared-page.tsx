import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { ApiError, basePath, postFor } from './api.ts';
import { Foot } from './foot.tsx';
import { HelpDialog } from './help-dialog.tsx';
import { Icon } from './icon.tsx';
import { useShortcuts } from './keyboard.ts';
import { Loading } from './loading.tsx';
import { RunPage } from './run-page.tsx';

/** What a share link opens: one run, for somebody who is not signed in. */
export function SharedPages(): React.ReactElement {
  const { help, setHelp } = useShortcuts();
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="topbar">
        <span className="brand">
          <Icon name="bridge" />
          biomero-bridge
        </span>
        <div className="topbar-end">
          <a className="button bare small" href={`${basePath}/`}>
            Sign in
          </a>
        </div>
      </header>
      <main className="page" id="main">
        <Switch>
          <Route path="/shared/:id">{(params) => <RunPage id={params.id} shared />}</Route>
          <Route>
            <OpenLink />
          </Route>
        </Switch>
      </main>
      <Foot onHelp={() => setHelp(true)} />
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </>
  );
}

/** Exchanges the token of the address for a cookie. It leaves the address at once, so that it stays out of bookmarks. */
function OpenLink(): React.ReactElement {
  const [token] = useState(() => location.hash.slice(1));
  const opened = useQuery({
    queryKey: ['shared', token],
    queryFn: () => postFor<{ run: string }>('/api/shared', { token }),
    staleTime: Infinity,
  });
  useEffect(() => {
    history.replaceState(null, '', location.pathname);
    document.title = 'A shared run – biomero-bridge';
  }, []);
  if (opened.data) return <Redirect to={`/shared/${opened.data.run}`} replace />;
  const { error } = opened;
  if (!error) return <Loading what="run" />;
  const refused = error instanceof ApiError && error.status < 500;
  return (
    <>
      <h1>{refused ? 'This link shows no run' : 'The run cannot be shown'}</h1>
      <p className="lede">
        {error.message} {error instanceof ApiError && error.remedy}
      </p>
      <p className="actions after-lede">
        {!refused && (
          <button className="button" type="button" onClick={() => void opened.refetch()}>
            Try again
          </button>
        )}
        <a className="button" href={`${basePath}/`}>
          Sign in
        </a>
      </p>
    </>
  );
}
