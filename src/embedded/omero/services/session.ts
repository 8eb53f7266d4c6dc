import { IceException, type IceObject } from '../../../omero/ice/values.ts';
import { rlong, rstring, rtime, unwrap } from '../../../omero/rtypes.ts';
import type { Call, Service } from '../context.ts';
import { failure } from '../failures.ts';
import type { LiveSession } from '../live-sessions.ts';
import { membershipsOf, notMember } from '../rights.ts';

/** ISession: sessions of one's own, and of others for those who may. */
export const sessionService: Service = {
  createSessionWithTimeouts: (call, [principal, ttl, idle]) =>
    sudo(call, principal as IceObject | null, Number(ttl), Number(idle)),
  createSessionWithTimeout: (call, [principal, ttl]) => sudo(call, principal as IceObject | null, Number(ttl), 0),
  async createUserSession(call, [ttl, idle, group]) {
    const { sessions } = call.server;
    const { user, sudoer, privileges } = call.session;
    const groupId = groupFor(call, user, String(group));
    const times = { ttlMs: positive(ttl), idleMs: positive(idle) };
    const agent = call.context.get('omero.agent') ?? '';
    return onWire(call, await sessions.create({ user, group: groupId, sudoer, privileges, ...times, agent }));
  },
  getSession(call, [uuid]) {
    return onWire(call, opened(call, String(uuid)));
  },
  getReferenceCount(call, [uuid]) {
    return opened(call, String(uuid)).references;
  },
  async closeSession(call, [object]) {
    const uuid = unwrap((object as IceObject | null)?.['uuid']);
    if (typeof uuid !== 'string') throw failure('ApiUsageException', 'a session with its uuid is expected');
    const session = call.server.sessions.find(uuid);
    return session ? call.server.sessions.release(session) : -1;
  },
  getMyOpenSessions(call) {
    return call.server.sessions.open.filter((s) => s.user === call.session.user).map((s) => onWire(call, s));
  },
};

/** Longest life and idle time that somebody without administrator's rights may give a session. */
const userLimitMs = 10 * 60_000;

async function sudo(call: Call, principal: IceObject | null, ttl: number, idle: number): Promise<IceObject> {
  const { store, sessions, people } = call.server;
  const { actor, session } = call;
  const name = String(principal?.['name'] ?? '');
  const [target] = store.named('Experimenter', 'omeName', name);
  const groupName = String(principal?.['group'] ?? '');
  const mayAll = actor.has('Sudo');
  if (!mayAll && actor.leaderOf.size === 0 && target?.id !== session.user)
    throw failure(
      'SecurityViolation',
      'Sudo is not permitted: administrator with privilege Sudo or group owner needed',
    );
  if (!target) throw failure('ApiUsageException', `No such user: ${name}`);
  const group = groupFor(call, target.id, groupName);
  if (!mayAll && target.id !== session.user && !actor.leaderOf.has(group))
    throw failure('SecurityViolation', `Group sudo is not permitted for group ${groupName}`);
  const limits = { ttlMs: positive(ttl), idleMs: positive(idle) };
  if (!mayAll && (limits.ttlMs > userLimitMs || limits.idleMs > userLimitMs || limits.ttlMs + limits.idleMs === 0))
    throw failure('SecurityViolation', `Limits above ${userLimitMs} ms are for administrators`);
  // Whoever acts as an administrator gets no privilege that he has not himself.
  const theirs = people.privilegesOf(store, target.id);
  const privileges = new Set([...theirs].filter((p) => session.privileges.has(p)));
  const agent = String(call.context.get('omero.agent') ?? '');
  const created = await sessions.create({ user: target.id, group, sudoer: session.user, privileges, ...limits, agent });
  return onWire(call, created);
}

/** The group by name, in which the user must be; his default group when none is named. */
export function groupFor(call: Pick<Call, 'server'>, user: number, name: string): number {
  const { store } = call.server;
  const memberships = membershipsOf(store, user);
  if (name === '' || name === 'user') return memberships[0]?.group ?? 1;
  const [group] = store.named('ExperimenterGroup', 'name', name);
  if (!group) throw failure('ApiUsageException', `No such group: ${name}`);
  const isAdmin = memberships.some((m) => m.group === 0);
  if (!isAdmin && !memberships.some((m) => m.group === group.id))
    throw failure('SecurityViolation', notMember(user, group.id));
  return group.id;
}

function opened(call: Call, uuid: string): LiveSession {
  const session = call.server.sessions.find(uuid);
  if (!session) throw failure('RemovedSessionException', `No session with uuid: ${uuid.slice(0, 4)}…`);
  if (session.user !== call.session.user && session.sudoer !== call.session.user && !call.actor.has('ReadSession'))
    throw failure('SecurityViolation', 'the session belongs to somebody else');
  return session;
}

function onWire(call: Call, session: LiveSession): IceObject {
  const { store } = call.server;
  const person = (id: number): IceObject => ({ $type: '::omero::model::Experimenter', id: rlong(id), loaded: false });
  const name = store.get('ExperimenterGroup', session.group)?.fields['name'];
  const group = { $type: '::omero::model::ExperimenterGroup', id: rlong(session.group), loaded: true };
  return {
    $type: '::omero::model::Session',
    id: rlong(session.id),
    loaded: true,
    uuid: rstring(session.uuid),
    owner: person(session.user),
    sudoer: session.sudoer === null ? null : person(session.sudoer),
    timeToLive: rlong(session.ttlMs),
    timeToIdle: rlong(session.idleMs),
    started: rtime(session.started),
    defaultEventType: rstring('User'),
    details: { $type: '::omero::model::Details', group: { ...group, name: rstring(String(name ?? '')) } },
  };
}

function positive(milliseconds: unknown): number {
  const value = Number(milliseconds);
  if (!Number.isFinite(value) || value < 0) throw failure('ApiUsageException', 'a time in milliseconds is expected');
  return value;
}

/** How the router tells of a session that OMERO would not create. */
export function cannotCreate(error: IceException): IceException {
  const type = String(error.members['serverExceptionClass'] ?? '');
  return new IceException('::omero::WrappedCreateSessionException', {
    reason: error.message,
    concurrency: false,
    backOff: 0,
    type,
  });
}
