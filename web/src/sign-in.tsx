import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiError, postJson } from './api.ts';
import { Icon } from './icon.tsx';

/** Asks for the token that the server printed. */
export function SignIn({ ended }: { ended: boolean }): React.ReactElement {
  const queries = useQueryClient();
  const [token, setToken] = useState('');
  const [error, setError] = useState(
    location.search.includes('refused') ? 'The token in that address is not the one of this server.' : '',
  );
  useEffect(() => {
    document.title = 'Sign in – biomero-bridge';
  }, []);
  const submit = async (): Promise<void> => {
    try {
      await postJson('/api/session', { token: token.trim() });
      await queries.invalidateQueries({ queryKey: ['session'] });
    } catch (e) {
      setError(e instanceof ApiError ? `${e.message} ${e.remedy}` : 'The server does not answer.');
    }
  };
  return (
    <main className="signin" id="main">
      <div>
        <p className="brand">
          <Icon name="bridge" />
          biomero-bridge
        </p>
        <h1>Sign in</h1>
        <p className="lede">Open the address that the server printed when it started, or enter its token here.</p>
        {ended && (
          <p className="banner warn" role="status">
            <Icon name="wait" />
            Your session ended. Runs went on without it.
          </p>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
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
              aria-invalid={error !== ''}
              onChange={(event) => setToken(event.target.value)}
            />
            <span id="refused" role="alert" className="error">
              {error && (
                <>
                  <Icon name="fail" />
                  <span>{error}</span>
                </>
              )}
            </span>
          </div>
          <button className="button primary" type="submit">
            Sign in
          </button>
        </form>
      </div>
    </main>
  );
}
