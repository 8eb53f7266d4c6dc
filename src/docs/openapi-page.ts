import { openApiDocument } from '../http/openapi.ts';
import type { Route } from '../http/route.ts';
import { routesOf, type WebAppParts } from '../http/web-app.ts';

/** The table of routes without the parts behind it: for whoever reads what they take and answer. */
export function describedRoutes(): Route[] {
  return routesOf({ sources: {}, storage: {} } as unknown as WebAppParts);
}

/** `docs/reference/openapi.json`: the HTTP API. */
export function openApiPage(): string {
  return `${JSON.stringify(openApiDocument(describedRoutes()), null, 2)}\n`;
}
