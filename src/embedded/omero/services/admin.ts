import { IceSchema } from '../../../omero/ice/schema.ts';
import type { IceObject } from '../../../omero/ice/values.ts';
import { rlong, rstring, unwrap } from '../../../omero/rtypes.ts';
import type { Call, Service } from '../context.ts';
import { failure } from '../failures.ts';
import { numberOf, textOf, type Stored } from '../objects.ts';
import { allGroups, membershipsOf, permissionBits, permissionsOf } from '../rights.ts';
import type { Store } from '../store.ts';
import { ToWire } from '../to-wire.ts';

/** IAdmin: who is who. People and groups come from the server's seed and are not changed through here. */
export const adminService: Service = {
  getEventContext: (call) => eventContext(call),
  lookupGroup: (call, [name]) =>
    group(call, call.server.store.named('ExperimenterGroup', 'name', String(name))[0], name),
  getGroup: (call, [id]) => group(call, call.server.store.get('ExperimenterGroup', Number(id)), id),
  lookupGroups(call) {
    const wire = new ToWire(call.server.store, call.everywhere);
    return call.server.store.all('ExperimenterGroup').map((g) => withMembers(call.server.store, wire, g));
  },
  lookupExperimenter: (call, [name]) =>
    experimenter(call, call.server.store.named('Experimenter', 'omeName', String(name))[0], name),
  getExperimenter: (call, [id]) => experimenter(call, call.server.store.get('Experimenter', Number(id)), id),
  lookupExperimenters(call) {
    const wire = new ToWire(call.server.store, call.everywhere);
    return call.server.store.all('Experimenter').map((e) => wire.object(e));
  },
  containedGroups(call, [user]) {
    const { store } = call.server;
    const wire = new ToWire(store, call.everywhere);
    const groups = membershipsOf(store, Number(user)).map((m) => store.get('ExperimenterGroup', m.group));
    return groups.filter((g) => g !== null).map((g) => withMembers(store, wire, g));
  },
  containedExperimenters(call, [id]) {
    const { store } = call.server;
    const wire = new ToWire(store, call.everywhere);
    const members = store.referring('GroupExperimenterMap', 'parent', Number(id));
    const people = members.map((m) => store.get('Experimenter', numberOf(m, 'child') ?? -1));
    return people.filter((e) => e !== null).map((e) => wire.object(e));
  },
  getDefaultGroup(call, [user]) {
    const [first] = membershipsOf(call.server.store, Number(user));
    return group(call, first ? call.server.store.get('ExperimenterGroup', first.group) : null, user);
  },
  getMemberOfGroupIds: (call, [user]) => membershipsOf(call.server.store, idOf(user)).map((m) => m.group),
  getLeaderOfGroupIds: (call, [user]) =>
    membershipsOf(call.server.store, idOf(user))
      .filter((m) => m.leader)
      .map((m) => m.group),
  getCurrentAdminPrivileges: (call) => [...call.session.privileges].map(privilege),
  getAdminPrivileges: (call, [user]) =>
    [...call.server.people.privilegesOf(call.server.store, idOf(user))].map(privilege),
  getSecurityRoles: () => ({
    $type: '::omero::sys::Roles',
    rootId: 0,
    rootName: 'root',
    systemGroupId: 0,
    systemGroupName: 'system',
    userGroupId: 1,
    userGroupName: 'user',
    guestId: 1,
    guestName: 'guest',
    guestGroupId: 2,
    guestGroupName: 'guest',
  }),
};

function eventContext(call: Call): IceObject {
  const { store } = call.server;
  const { actor, session } = call;
  const groupId = actor.group === allGroups ? session.group : actor.group;
  const group = store.get('ExperimenterGroup', groupId);
  const memberships = membershipsOf(store, session.user);
  const perm1 = permissionBits[permissionsOf(store, groupId)];
  return {
    $type: '::omero::sys::EventContext',
    shareId: -1,
    sessionId: session.id,
    sessionUuid: session.uuid,
    userId: session.user,
    userName: nameOf(store, session.user),
    sudoerId: session.sudoer === null ? null : rlong(session.sudoer),
    sudoerName: session.sudoer === null ? null : rstring(nameOf(store, session.sudoer)),
    groupId,
    groupName: (group && textOf(group, 'name')) ?? '',
    isAdmin: actor.isAdmin,
    adminPrivileges: [...session.privileges],
    eventId: -1,
    eventType: 'User',
    memberOfGroups: memberships.map((m) => m.group),
    leaderOfGroups: memberships.filter((m) => m.leader).map((m) => m.group),
    groupPermissions: { $type: '::omero::model::Permissions', restrictions: [], perm1 },
  };
}

function group(call: Call, found: Stored | null | undefined, asked: unknown): IceObject {
  if (!found) throw failure('ApiUsageException', `No such group: ${String(asked)}`);
  return withMembers(call.server.store, new ToWire(call.server.store, call.everywhere), found);
}

function experimenter(call: Call, found: Stored | null | undefined, asked: unknown): IceObject {
  if (!found) throw failure('ApiUsageException', `No such experimenter: ${String(asked)}`);
  return new ToWire(call.server.store, call.everywhere).object(found);
}

function withMembers(store: Store, wire: ToWire, found: Stored): IceObject {
  const object = wire.object(found);
  const members = store.referring('GroupExperimenterMap', 'parent', found.id).sort((a, b) => a.id - b.id);
  object['groupExperimenterMapLoaded'] = true;
  object['groupExperimenterMapSeq'] = members.map((member) => {
    const person = store.get('Experimenter', numberOf(member, 'child') ?? -1);
    return Object.assign(wire.object(member), { parent: object, child: person && wire.object(person) });
  });
  return object;
}

function nameOf(store: Store, user: number): string {
  const found = store.get('Experimenter', user);
  return (found && textOf(found, 'omeName')) ?? '';
}

function idOf(object: unknown): number {
  const id = unwrap((object as IceObject | null)?.['id']);
  if (typeof id !== 'number') throw failure('ApiUsageException', 'an experimenter with an id is expected');
  return id;
}

function privilege(name: string): IceObject {
  const $type = '::omero::model::AdminPrivilege';
  if (!IceSchema.omero().classes.has($type))
    throw failure('ApiUsageException', 'privileges are told by getEventContext only: see adminPrivileges there');
  return { $type, loaded: true, value: rstring(name) };
}
