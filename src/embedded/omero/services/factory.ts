import { unwrap } from '../../../omero/rtypes.ts';
import type { IceObject, IceProxy } from '../../../omero/ice/values.ts';
import type { Call, Operation, Service } from '../context.ts';
import { failure } from '../failures.ts';
import { Actor } from '../rights.ts';
import { submit } from './handle.ts';

/** Services that the session's factory gives out, by the operation that asks for them. */
const getters: Readonly<Record<string, string>> = {
  getAdminService: 'IAdmin',
  getConfigService: 'IConfig',
  getQueryService: 'IQuery',
  getSessionService: 'ISession',
  getUpdateService: 'IUpdate',
  sharedResources: 'SharedResources',
};

let lastStore = 0;

/** ServiceFactory: the session itself. */
export const factoryService: Service = {
  ...Object.fromEntries(
    Object.entries(getters).map(([operation, iface]): [string, Operation] => [
      operation,
      (call) => service(call, iface),
    ]),
  ),
  getByName(call, [name]) {
    const iface = Object.values(getters).find((i) => String(name) === `omero.api.${i}`);
    if (!iface) throw failure('ApiUsageException', `the service ${String(name)} is not supported`);
    return service(call, iface);
  },
  createRawFileStore(call) {
    const name = `${call.session.uuid}/RawFileStore/${++lastStore}`;
    call.client.rawFiles.set(name, { id: null });
    return call.proxy(name);
  },
  createThumbnailStore: (call) => call.proxy(`${call.session.uuid}/ThumbnailStore/${++lastStore}`),
  submit: (call, [request]) => call.proxy(submit(call, request as IceObject | null)),
  setSecurityContext(call, [object]) {
    const { $type, id } = object as IceObject;
    const group = unwrap(id);
    if ($type !== '::omero::model::ExperimenterGroup' || typeof group !== 'number')
      throw failure('ApiUsageException', 'a group with an id is expected');
    const before = call.session.group;
    call.session.group = new Actor(call.server.store, call.session, new Map([['omero.group', String(group)]])).group;
    return { $type, id: { $type: '::omero::RLong', val: before }, loaded: false };
  },
  closeOnDestroy(call) {
    call.client.detached = false;
  },
  detachOnDestroy(call) {
    call.client.detached = true;
  },
  // A client that could be told of its session's end: it notices by itself when its connection is closed.
  setCallback: () => undefined,
  activeServices: () => Object.values(getters).map((iface) => `omero.api.${iface}`),
  // Being called at all is the sign of life; the answer says that nothing is dead: a bit per proxy that is.
  keepAllAlive: (call, [proxies]) => dead(call, proxies as (IceProxy | null)[]),
  keepAlive: (call, [proxy]) => dead(call, [proxy as IceProxy | null]) === 0,
  async destroy(call) {
    await call.server.sessions.leave(call.session, call.connection, call.client.detached);
    setImmediate(() => call.connection.close());
  },
};

function service(call: Call, iface: string): IceProxy {
  return call.proxy(`${call.session.uuid}/${iface}`);
}

function dead(call: Call, proxies: readonly (IceProxy | null)[]): number {
  const lives = (p: IceProxy): boolean =>
    p.identity.category === call.client.category &&
    (!p.identity.name.includes('RawFileStore') || call.client.rawFiles.has(p.identity.name));
  return proxies.reduce((bits, p, i) => (p && !lives(p) && i < 31 ? bits | (1 << i) : bits), 0);
}
