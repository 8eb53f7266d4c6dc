/**
 * The stand-in as OMERO stands behind a real Glacier2: the router asks a verifier and a session manager, keeps the
 * client's connection, and passes on what it lets through. All clients' requests come over the router's connection, so
 * each router session gets a connection of its own here, told apart by the category of its objects.
 */
import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { tcpEndpoint } from '../../src/embedded/omero/endpoint.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { IceSchema, type SchemaData } from '../../src/omero/ice/schema.ts';
import { IceServer } from '../../src/omero/ice/server.ts';
import type { Dispatch, IceServerConnection, IncomingRequest } from '../../src/omero/ice/server-types.ts';
import { IceDispatchError, IceException, type IceProxy } from '../../src/omero/ice/values.ts';

const routerIdentity = { category: 'OMERO.Glacier2', name: 'router' };
/** The reply to checkPermissions is a reason and a bool: these two bytes, an empty reason with true or false. */
const allowed = 0x0100;
const refused = 0;

/** Starts the back end; its port is for the router. Ends with the test. */
export async function serveBehindRouter(standIn: Dispatch): Promise<number> {
  const clients = new Map<string, RoutedClient>();
  let endpoint: IceProxy['endpoints'] = [];
  const dispatch: Dispatch = async (request) => {
    const { identity, context, operation } = request;
    const uuid = context.get('omero.client.uuid') ?? '';
    if (operation === 'ice_isA') {
      request.arguments('Object');
      return true;
    }
    if (identity.name === 'verifier' && operation === 'checkPermissions') {
      const [user, password] = request.arguments('PermissionsVerifier');
      const client = new RoutedClient(() => clients.delete(`session-${uuid}`));
      clients.set(`session-${uuid}`, client);
      return client.signIn(standIn, context, [user, password]);
    }
    if (identity.name === 'manager' && operation === 'create') {
      request.arguments('SessionManager');
      return withEndpoint(clients.get(`session-${uuid}`)?.takeSession() ?? null, endpoint);
    }
    const client = clients.get(identity.category);
    if (!client) throw new IceDispatchError('objectNotExist');
    // The real router has let it through already.
    client.state?.known.add(identity.name);
    return withEndpoint(
      await standIn({ ...request, arguments: (i) => request.arguments(i), connection: client }),
      endpoint,
    );
  };
  const server = await IceServer.listen({ host: '127.0.0.1', port: 0, schema: schemaWithGlacier2(), dispatch });
  onTestFinished(() => server.close());
  endpoint = [tcpEndpoint('127.0.0.1', server.port)];
  return server.port;
}

class RoutedClient implements IceServerConnection {
  static #last = 1_000_000;
  readonly id = ++RoutedClient.#last;
  state: { known: Set<string> } | undefined;
  readonly #forget: () => void;
  #session: IceProxy | null = null;
  #failure: IceException | null = null;
  #callbacks: (() => void)[] = [];
  #closed = false;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  /** Signs in at the stand-in's own router. A failure that the verifier has no words for is kept for the manager. */
  async signIn(standIn: Dispatch, context: Map<string, string>, names: unknown[]): Promise<number> {
    const request: IncomingRequest = {
      connection: this,
      identity: routerIdentity,
      facet: '',
      operation: 'createSession',
      context,
      arguments: () => names,
    };
    try {
      this.#session = (await standIn(request)) as IceProxy;
    } catch (error) {
      if (!(error instanceof IceException)) throw error;
      if (error.typeId === '::Glacier2::PermissionDeniedException') {
        this.close();
        return refused;
      }
      this.#failure = error;
    }
    return allowed;
  }

  takeSession(): IceProxy | null {
    if (this.#failure) throw this.#failure;
    return this.#session;
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#callbacks.push(callback);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    for (const callback of this.#callbacks) callback();
  }
}

/** The router reaches an object at its proxy's endpoint. */
function withEndpoint(result: unknown, endpoints: IceProxy['endpoints']): unknown {
  return isProxy(result) ? { ...result, endpoints } : result;
}

function isProxy(value: unknown): value is IceProxy {
  return typeof value === 'object' && value !== null && 'identity' in value && 'adapterId' in value;
}

function schemaWithGlacier2(): IceSchema {
  const file = packageFile('src', 'omero', 'ice', 'omero-schema.json');
  const data = JSON.parse(readFileSync(file, 'utf8')) as SchemaData;
  data.interfaces['PermissionsVerifier'] = {
    type: '::Glacier2::PermissionsVerifier',
    operations: { checkPermissions: { in: ['string', 'string'], out: 'short' } },
  };
  data.interfaces['SessionManager'] = {
    type: '::Glacier2::SessionManager',
    operations: { create: { in: ['string', '*'], out: '*' } },
  };
  return new IceSchema(data);
}
