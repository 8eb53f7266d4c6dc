import type { IncomingRequest } from '../../../omero/ice/server-types.ts';
import { IceException, proxyTo, type IceProxy } from '../../../omero/ice/values.ts';
import type { ClientState, ServerContext } from '../context.ts';
import type { LiveSession } from '../live-sessions.ts';
import { cannotCreate, groupFor } from './session.ts';

/** Seconds that Glacier2 keeps a silent session, and a silent connection. */
const sessionTimeout = 600;
const connectionTimeout = 60;
/** OMERO's default idle time of a session that was opened with a password. */
const loginIdleMs = 10 * 60_000;

export type RouterOperation = (server: ServerContext, request: IncomingRequest, args: readonly unknown[]) => unknown;

/** Glacier2's router as far as OMERO's clients use it: one session per connection. */
export const routerOperations: Readonly<Record<string, RouterOperation>> = {
  createSession: async (server, request, [user, password]) => {
    const { connection, context } = request;
    const client = context.get('omero.client.uuid') ?? '';
    if (client === '') throw refused('No omero.client.uuid in the context of createSession');
    if (connection.state !== undefined) throw refused('this connection has a session already');
    const session = await open(server, context, String(user), String(password));
    if (connection.state !== undefined) throw refused('this connection has a session already');
    const state: ClientState = {
      session,
      category: `session-${client}`,
      known: new Set(),
      rawFiles: new Map(),
      tables: new Map(),
      handles: new Map(),
      detached: false,
    };
    connection.state = state;
    server.sessions.join(session, connection);
    connection.onClose(() => {
      server.sessions.leave(session, connection, state.detached).catch((error: unknown) => {
        server.log.warn({ session: session.id, error: String(error) }, 'the end of a session could not be stored');
      });
    });
    return { ...proxyTo(state.category, session.uuid), endpoints: server.endpoints };
  },
  createSessionFromSecureConnection: () => {
    throw denied('sessions from certificates are not supported');
  },
  destroySession: async (server, { connection }) => {
    const state = signedIn(connection.state);
    await server.sessions.leave(state.session, connection, state.detached);
    setImmediate(() => connection.close());
  },
  addProxies: (_, { connection }, [proxies]) => {
    const state = signedIn(connection.state);
    for (const proxy of proxies as (IceProxy | null)[])
      if (proxy?.identity.category === state.category) state.known.add(proxy.identity.name);
    return [];
  },
  refreshSession: (_, { connection }) => void signedIn(connection.state),
  getSessionTimeout: () => sessionTimeout,
  getACMTimeout: () => connectionTimeout,
  getCategoryForClient: (_, { connection }) => signedIn(connection.state).category,
  getClientProxy: () => null,
  // For callbacks, which this server never makes; but clients ask where they would come from.
  getServerProxy: ({ endpoints }) => ({ ...proxyTo('', 'callbacks'), endpoints }),
};

/** A session's key as user and password joins it; anything else is a user's name and password. */
async function open(
  server: ServerContext,
  context: ReadonlyMap<string, string>,
  user: string,
  password: string,
): Promise<LiveSession> {
  const { store, sessions, people } = server;
  if (user === password) {
    const joined = sessions.find(user);
    if (joined) return joined;
  }
  const [found] = store.named('Experimenter', 'omeName', user);
  if (!(await people.check(found?.id ?? -1, password)) || !found) throw denied('Password check failed');
  try {
    const group = groupFor({ server }, found.id, context.get('omero.group') ?? '');
    const privileges = people.privilegesOf(store, found.id);
    const agent = context.get('omero.agent') ?? '';
    const wanted = { user: found.id, group, sudoer: null, privileges, ttlMs: 0, idleMs: loginIdleMs, agent };
    return await sessions.create(wanted);
  } catch (error) {
    throw error instanceof IceException ? cannotCreate(error) : error;
  }
}

function signedIn(state: unknown): ClientState {
  if (state === undefined) throw new IceException('::Glacier2::SessionNotExistException');
  return state as ClientState;
}

function denied(reason: string): IceException {
  return new IceException('::Glacier2::PermissionDeniedException', { reason });
}

function refused(reason: string): IceException {
  return cannotCreate(new IceException('::omero::ApiUsageException', { message: reason }));
}
