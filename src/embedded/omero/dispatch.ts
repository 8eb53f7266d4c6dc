import type { IceSchema } from '../../omero/ice/schema.ts';
import type { Dispatch, IncomingRequest } from '../../omero/ice/server-types.ts';
import { IceDispatchError, IceException } from '../../omero/ice/values.ts';
import { Call, type ClientState, type ServerContext, type Service } from './context.ts';
import { failure } from './failures.ts';
import { adminService } from './services/admin.ts';
import { configService } from './services/config.ts';
import { factoryService } from './services/factory.ts';
import { handleService } from './services/handle.ts';
import { queryService } from './services/query.ts';
import { rawFileService } from './services/raw-files.ts';
import { routerOperations } from './services/router.ts';
import { sessionService } from './services/session.ts';
import { sharedResourcesService, tableService } from './services/tables.ts';
import { thumbnailService } from './services/thumbnails.ts';
import { updateService } from './services/update.ts';

const services: Readonly<Record<string, Service>> = {
  ServiceFactory: factoryService,
  Handle: handleService,
  IAdmin: adminService,
  IConfig: configService,
  IQuery: queryService,
  ISession: sessionService,
  IUpdate: updateService,
  RawFileStore: rawFileService,
  SharedResources: sharedResourcesService,
  Table: tableService,
  ThumbnailStore: thumbnailService,
};

/** Leads each request to the service that its identity names. What is not supported is refused by name. */
export function dispatcher(server: ServerContext, schema: IceSchema): Dispatch {
  return async (request) => {
    try {
      const { category, name } = request.identity;
      const isRouter = category === 'OMERO.Glacier2' && name === 'router';
      const iface = isRouter ? 'Router' : interfaceOf(request);
      const args = request.arguments(iface);
      if (request.operation.startsWith('ice_')) return aboutObject(schema, iface, request.operation, args);
      if (!isRouter) return await callService(server, request, iface, args);
      const operation = routerOperations[request.operation];
      if (!operation) throw unsupported(iface, request.operation);
      return await operation(server, request, args);
    } catch (error) {
      if (error instanceof IceException || error instanceof IceDispatchError) throw error;
      server.log.error(
        { operation: request.operation, error: String(error) },
        'the OMERO stand-in failed in a request',
      );
      throw failure('ResourceError', `${request.operation} failed inside the server`);
    }
  };
}

async function callService(
  server: ServerContext,
  request: IncomingRequest,
  iface: string,
  args: readonly unknown[],
): Promise<unknown> {
  const client = request.connection.state as ClientState;
  if (!server.sessions.isOpen(client.session))
    throw failure('RemovedSessionException', `the session ${client.session.id} was closed or its time is over`);
  client.session.lastUsed = Date.now();
  const operation = services[iface]?.[request.operation];
  if (!operation) throw unsupported(iface, request.operation);
  return operation(new Call(server, request, client), args);
}

/** The interface behind a proxy of this client; Glacier2 routes only what was made known to it. */
function interfaceOf({ connection, identity, facet }: IncomingRequest): string {
  const client = connection.state as ClientState | undefined;
  if (facet !== '') throw new IceDispatchError('facetNotExist');
  if (!client || identity.category !== client.category || !client.known.has(identity.name))
    throw new IceDispatchError('objectNotExist');
  const { uuid } = client.session;
  if (identity.name === uuid) return 'ServiceFactory';
  const iface = identity.name.startsWith(`${uuid}/`) ? (identity.name.split('/')[1] ?? '') : '';
  if (!(iface in services)) throw new IceDispatchError('objectNotExist');
  return iface;
}

function aboutObject(schema: IceSchema, iface: string, operation: string, args: readonly unknown[]): unknown {
  const ids = schema.typeIds(iface);
  if (operation === 'ice_isA') return ids.includes(String(args[0]));
  if (operation === 'ice_ids') return [...ids];
  if (operation === 'ice_id') return ids.find((id) => id.endsWith(`::${iface}`)) ?? '::Ice::Object';
  return undefined;
}

function unsupported(iface: string, operation: string): IceException {
  return failure('ApiUsageException', `${iface}.${operation} is not supported by this server`);
}
