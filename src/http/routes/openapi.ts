import { z } from 'zod';
import { openApiDocument } from '../openapi.ts';
import type { Route } from '../route.ts';

/** The description of the API, of the very routes that are served. */
export function openApiRoute(routes: readonly Route[]): Route {
  let document: Record<string, unknown> | null = null;
  const route: Route = {
    method: 'GET',
    path: '/api/openapi.json',
    rule: 'public',
    api: { summary: 'This description, as OpenAPI 3.1.', answer: z.record(z.string(), z.unknown()) },
    handle: ({ c }) => c.json((document ??= openApiDocument([...routes, route]))),
  };
  return route;
}
