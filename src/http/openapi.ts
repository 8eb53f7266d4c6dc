import { z } from 'zod';
import { productVersion } from '../lib/product-version.ts';
import { scopeOf } from './identity/rights.ts';
import type { Route, Rule } from './route.ts';
import { problemSchema } from './schemas/common.ts';

type Json = Record<string, unknown>;

const whoMay: Readonly<Record<Rule, string>> = {
  public: 'Everybody.',
  'signed-in': 'Whoever is signed in.',
  'see-run': 'Whoever may see the run.',
  'change-run': "The run's owner, leaders of its group, administrators.",
  admin: 'Administrators.',
};

type DescribedRoute = Pick<Route, 'method' | 'path' | 'rule' | 'api' | 'scope'> & { readonly shared?: true };

/** The OpenAPI 3.1 document of a table of routes, from the same schemas that requests are checked against. */
export function openApiDocument(routes: readonly DescribedRoute[]): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  const problem = {
    content: { 'application/problem+json': { schema: jsonSchema(problemSchema, 'output', components) } },
  };
  for (const route of routes) {
    const { method, path, rule, api } = route;
    const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
    const address = path.replaceAll(/:(\w+)/g, '{$1}');
    const query = api.query
      ? (jsonSchema(api.query, 'input', components) as unknown as QueryShape)
      : { properties: {} };
    const parameters = [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...Object.entries(query.properties).map(([name, schema]) => ({
        name,
        in: 'query',
        required: query.required?.includes(name) ?? false,
        schema,
      })),
    ];
    const body = api.body && {
      required: true,
      content: { 'application/json': { schema: jsonSchema(api.body, 'input', components) } },
    };
    (paths[address] ??= {})[method.toLowerCase()] = {
      operationId: operationId(method, path),
      summary: api.summary,
      description: `${whoMay[rule]}${route.shared ? ' Holders of a share link to it.' : ''}${scopeText(route)}`,
      tags: [path.split('/')[2] ?? ''],
      ...securityOf(route),
      ...(parameters.length ? { parameters } : {}),
      ...(body ? { requestBody: body } : {}),
      responses: { [statusOf(api)]: goodAnswer(api, components), default: { description: 'Refused.', ...problem } },
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'biomero-bridge',
      version: productVersion,
      description:
        'Every page uses this API. Errors are problems (RFC 9457) with the codes of docs/reference/errors.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'below the address of the web role' }],
    security: [{ cookie: [] }, { token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'of `biomero-bridge token create`' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'biomero_bridge_session', description: 'of a sign-in' },
        shared: { type: 'apiKey', in: 'cookie', name: 'biomero_bridge_shared', description: 'of an opened share link' },
      },
    },
  };
}

/** Ways of showing who one is that differ from the document's own. */
function securityOf(route: DescribedRoute): { security?: Record<string, []>[] } {
  if (route.rule === 'public') return { security: [] };
  if (route.shared) return { security: [{ cookie: [] }, { token: [] }, { shared: [] }] };
  return scopeOf(route) === null ? { security: [{ cookie: [] }] } : {};
}

/** What a machine needs for it, as a sentence. */
function scopeText(route: DescribedRoute): string {
  if (route.rule === 'public') return '';
  const scope = scopeOf(route);
  return scope === null ? ' Not for machines.' : ` A machine needs the scope \`${scope}\`.`;
}

interface QueryShape {
  properties: Json;
  required?: string[];
}

/** Status of a good answer. */
export function statusOf(api: Route['api']): number {
  return api.status ?? (api.answer === null ? 204 : 200);
}

function goodAnswer(api: Route['api'], components: Json): Json {
  if (api.answer === null) return { description: 'Done.' };
  const [type, schema] =
    typeof api.answer === 'string'
      ? [api.answer, { type: 'string' }]
      : ['application/json', jsonSchema(api.answer, 'output', components)];
  return { description: 'Good.', content: { [type]: { schema } } };
}

/** A schema of OpenAPI 3.1; parts that have an id go to the components. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const made = z.toJSONSchema(schema, { target: 'draft-2020-12', io }) as Json;
  // Readers must take fields that a later version adds.
  const text = JSON.stringify(made, (key, value: unknown) =>
    key === '$schema' ||
    (key === 'id' && typeof value === 'string') ||
    (key === 'additionalProperties' && value === false)
      ? undefined
      : value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER
        ? undefined
        : value,
  ).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $defs, ...own } = JSON.parse(text) as Json & { $defs?: Json };
  Object.assign(components, $defs);
  const id = z.globalRegistry.get(schema)?.id;
  if (id === undefined) return own;
  components[id] = own;
  return { $ref: `#/components/schemas/${id}` };
}

/** `GET /api/runs/:id/log` is `getRunsIdLog`. */
function operationId(method: string, path: string): string {
  const words = path
    .split('/')
    .slice(2)
    .flatMap((part) => part.replace(/^:/, '').split(/[-.]/));
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
