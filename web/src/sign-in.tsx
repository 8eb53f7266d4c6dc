import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiError, getJson, postJson } from './api.ts';
import { Icon } from './icon.tsx';

type Way = 'omero' | 'token';

/** Signs in with an OMERO account, or in the quick start with the token that the server printed. */
export function SignIn({ ended }: { ended: boolean }): React.ReactElement {
  const offered = useQuery({
    queryKey: ['sign-in'],
    queryFn: () => getJson<{ ways: Way[] }>('/api/sign-in'),
    staleTime: Infinity,
  });
  const ways = offered.data?.ways ?? [];
  const [chosen, setChosen] = useState<Way | null>(null);
  const way = chosen ?? ways[0] ?? null;
  const other = ways.find((w) => w !== way);
  useEffect(() => {
    document.title = 'Sign in – biomero-bridge';
  }, []);
  return (
    <main className="signin" id="main">
      <div>
        <p className="brand">
          <Icon name="bridge" />
          biomero-bridge
        </p>
        <h1>{way === 'omero' ? 'Sign in with your OMERO account' : 'Sign in'}</h1>
        <p className="lede">
          {way === 'token'
            ? 'Open the address that the server printed when it started, or enter its token here.'
            : 'Follow your analysis runs, and find their results.'}
        </p>
        {ended && (
          <p className="banner warn" role="status">
            <Icon name="wait" />
            Your session ended. Runs went on without it.
          </p>
        )}
        {way === 'omero' && <PasswordForm />}
        {way === 'token' && <TokenForm />}
        {offered.data && way === null && (
          <p className="banner warn">This server offers no way to sign in. Ask the admin to set OMERO_HOST for it.</p>
        )}
        {other && (
          <p className="after">
            <button className="button bare" type="button" onClick={() => setChosen(other)}>
              {other === 'omero' ? 'Use an OMERO account instead' : 'Use a token instead'}
            </button>
          </p>
        )}
        {way === 'omero' && <p className="after">Your password goes to OMERO and is not kept here.</p>}
      </div>
    </main>
  );
}

function PasswordForm(): React.ReactElement {
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  return (
    <SignInForm body={{ user, password }}>
      {(refused) => (
        <>
          <div className="field">
            <label htmlFor="user">User name</label>
            <input
              className="input"
              id="user"
              name="user"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              value={user}
              required
              onChange={(event) => setUser(event.target.value)}
            />
          </div>
          <div className="field">
            <label htmlFor="password">Password</label>
            <input
              className="input"
              id="password"
              name="password"
              type="password"
              autoComplete="current-password"
              value={password}
              required
              aria-describedby="refused"
              aria-invalid={refused !== ''}
              onChange={(event) => setPassword(event.target.value)}
            />
            <Refusal text={refused} />
          </div>
        </>
      )}
    </SignInForm>
  );
}

function TokenForm(): React.ReactElement {
  const [token, setToken] = useState('');
  const refusedAddress = location.search.includes('refused')
    ? 'The token in that address is not the one of this server.'
    : '';
  return (
    <SignInForm body={{ token: token.trim() }} refusedBefore={refusedAddress}>
      {(refused) => (
        <div className="field">
          <label htmlFor="token">Token</label>
          <input
            className="input"
            id="token"
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={token}
            required
            aria-describedby="refused"
            aria-invalid={refused !== ''}
            onChange={(event) => setToken(event.target.value)}
          />
          <Refusal text={refused} />
        </div>
      )}
    </SignInForm>
  );
}

function SignInForm(props: {
  body: Record<string, string>;
  refusedBefore?: string;
  children: (refused: string) => React.ReactElement;
}): React.ReactElement {
  const queries = useQueryClient();
  const [refused, setRefused] = useState(props.refusedBefore ?? '');
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    try {
      await postJson('/api/session', props.body);
      await queries.invalidateQueries({ queryKey: ['session'] });
    } catch (error) {
      setRefused(error instanceof ApiError ? `${error.message} ${error.remedy}` : 'The server does not answer.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void submit();
      }}
    >
      {props.children(refused)}
      <button className="button primary" type="submit" aria-busy={busy}>
        {busy ? 'Signing in' : 'Sign in'}
      </button>
    </form>
  );
}

function Refusal({ text }: { text: string }): React.ReactElement {
  return (
    <span id="refused" role="alert" className="error">
      {text && (
        <>
          <Icon name="fail" />
          <span>{text}</span>
        </>
      )}
    </span>
  );
}
