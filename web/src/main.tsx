import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api.ts';
import { App } from './app.tsx';
import { applyTheme, keptTheme } from './theme.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/controls.css';
import './styles/state.css';
import './styles/facts.css';
import './styles/tables.css';
import './styles/filters.css';
import './styles/runs.css';
import './styles/way.css';
import './styles/steps.css';
import './styles/log.css';
import './styles/results.css';
import './styles/gallery.css';
import './styles/measures.css';
import './styles/failure.css';
import './styles/sign-in.css';
import './styles/admin.css';
import './styles/dialog.css';
import './styles/start.css';
import './styles/narrow.css';
import './styles/media.css';

applyTheme(keptTheme());
const queries = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => askWhoOneIs(error, query.queryKey[0] !== 'session') }),
  mutationCache: new MutationCache({ onError: (error) => askWhoOneIs(error, true) }),
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false } },
});

/** Whoever is refused as nobody may have lost the sign-in: the page asks, and shows the sign-in. */
function askWhoOneIs(error: Error, other: boolean): void {
  if (other && error instanceof ApiError && error.status === 401)
    void queries.invalidateQueries({ queryKey: ['session'] });
}

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
