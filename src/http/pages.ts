import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono } from 'hono';
import { bridgeError } from '../domain/errors.ts';
import { packageFile } from '../lib/package-root.ts';

/**
 * Serves the built pages. Below a path of a proxy the one HTML file names its parts with that path in front; the pages
 * read the path from it.
 */
export function addPages(app: Hono, path: string): void {
  const root = packageFile('dist', 'web');
  const html = readFileSync(join(root, 'index.html'), 'utf8')
    .replaceAll(/(href|src)="\//g, `$1="${path}`)
    .replace('<head>', `<head>\n    <meta name="base-path" content="${path}" />`);
  app.use(
    '/assets/*',
    serveStatic({ root, onFound: (_, c) => c.header('cache-control', 'public, max-age=31536000, immutable') }),
  );
  // A part of an older version is not there: the HTML in its place would fail as script.
  app.all('/assets/*', (c) => {
    throw bridgeError('PAGE_NOT_FOUND', { path: c.req.path });
  });
  app.get('/icon.svg', serveStatic({ root }));
  app.get('*', (c) => {
    c.header('cache-control', 'no-cache');
    return c.html(html);
  });
}
