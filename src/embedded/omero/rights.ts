import { enumerationClasses, globalClasses, isAnnotationLink } from './collections.ts';
import { failure } from './failures.ts';
import type { Viewer } from './hql/evaluate.ts';
import type { Value } from './hql/values.ts';
import { numberOf, textOf, type Stored } from './objects.ts';
import type { LiveSession } from './live-sessions.ts';
import type { Store } from './store.ts';

export type GroupPermissions = 'rw----' | 'rwr---' | 'rwra--' | 'rwrw--';

export const systemGroup = 0;
export const userGroup = 1;
/** Group of a call that reads everything its user may see. */
export const allGroups = -1;

/** What an administrator may be allowed; who has no list of his own has all. */
export const adminPrivileges = (
  'Chgrp Chown DeleteFile DeleteManagedRepo DeleteOwned DeleteScriptRepo ModifyGroup ModifyGroupMembership ModifyUser ' +
  'ReadSession Sudo WriteFile WriteManagedRepo WriteOwned WriteScriptRepo'
).split(' ');

/** A group as OMERO counts its permissions: a nibble each for owner, group and others (8 unused, 4 read, 2 write, 1 annotate). */
export const permissionBits: Readonly<Record<GroupPermissions, number>> = {
  'rw----': -120,
  'rwr---': -56,
  'rwra--': -40,
  'rwrw--': -8,
};

export interface Membership {
  readonly group: number;
  readonly leader: boolean;
}

/** A user's groups, the default one first: the first that is neither `user` nor `system`. */
export function membershipsOf(store: Store, user: number): Membership[] {
  const list = store
    .referring('GroupExperimenterMap', 'child', user)
    .sort((a, b) => a.id - b.id)
    .map((m) => ({ group: numberOf(m, 'parent') ?? userGroup, leader: m.fields['owner'] === true }));
  const ofOwn = list.filter((m) => m.group !== userGroup && m.group !== systemGroup);
  return [...ofOwn, ...list.filter((m) => m.group === systemGroup), ...list.filter((m) => m.group === userGroup)];
}

export function permissionsOf(store: Store, group: number): GroupPermissions {
  const found = store.get('ExperimenterGroup', group);
  return ((found && textOf(found, 'permissions')) ?? 'rw----') as GroupPermissions;
}

/** Who asks, in which group: the rules of OMERO's group permissions as far as this server knows them. */
export class Actor implements Viewer {
  readonly session: LiveSession;
  readonly user: number;
  /** Group of the call; `allGroups` for reads over all. */
  readonly group: number;
  readonly isAdmin: boolean;
  readonly memberOf: ReadonlySet<number>;
  readonly leaderOf: ReadonlySet<number>;
  readonly #store: Store;

  /** Takes `omero.group` from the call's context. Refuses a group that the user does not belong to. */
  constructor(store: Store, session: LiveSession, context: ReadonlyMap<string, string>) {
    this.#store = store;
    this.session = session;
    this.user = session.user;
    const memberships = membershipsOf(store, session.user);
    this.memberOf = new Set(memberships.map((m) => m.group));
    this.leaderOf = new Set(memberships.filter((m) => m.leader).map((m) => m.group));
    this.isAdmin = this.memberOf.has(systemGroup);
    const asked = context.get('omero.group');
    this.group = asked === undefined || asked === '' ? session.group : this.#asked(asked);
  }

  has(privilege: string): boolean {
    return this.isAdmin && this.session.privileges.has(privilege);
  }

  /** The member as this user sees it: the key of another's session is masked. */
  read = (object: Stored, field: string): Value => {
    const value = object.fields[field] ?? null;
    if (object.class.name === 'Session' && field === 'uuid' && !this.#maySeeKey(object)) return '********';
    return value !== null && typeof value === 'object' ? null : value;
  };

  canRead(object: Stored): boolean {
    const { group } = object;
    if (group < 0) return true;
    if (this.group !== allGroups && group !== this.group) return false;
    if (this.isAdmin) return true;
    if (!this.memberOf.has(group)) return false;
    return object.owner === this.user || this.leaderOf.has(group) || permissionsOf(this.#store, group) !== 'rw----';
  }

  canEdit(object: Stored, privilege: 'WriteOwned' | 'DeleteOwned' = 'WriteOwned'): boolean {
    if (object.group < 0) return false;
    if (object.owner === this.user && this.memberOf.has(object.group)) return true;
    if (this.has(privilege) || this.leaderOf.has(object.group)) return true;
    return this.memberOf.has(object.group) && permissionsOf(this.#store, object.group) === 'rwrw--';
  }

  /** Whether an object of class `holder`, owned by this user, may refer to the object. */
  canLink(object: Stored, holder: string): boolean {
    if (object.group < 0) return true;
    const permissions = permissionsOf(this.#store, object.group);
    if (object.owner === this.user) return true;
    // In a private group not even administrators mix what belongs to different people.
    if (permissions === 'rw----') return false;
    if (this.canEdit(object)) return true;
    return this.memberOf.has(object.group) && permissions === 'rwra--' && isAnnotationLink(holder);
  }

  /** The group that new objects go to. */
  writeGroup(): number {
    if (this.group < 0) throw failure('ApiUsageException', 'omero.group=-1 is for reading; name one group to write to');
    if (!this.memberOf.has(this.group) && !this.has('WriteOwned'))
      throw failure('SecurityViolation', notMember(this.user, this.group));
    return this.group;
  }

  #asked(text: string): number {
    const group = Number(text);
    if (!/^-?\d{1,15}$/.test(text)) throw failure('ApiUsageException', `omero.group is no number: ${text}`);
    if (group < 0) return allGroups;
    if (!this.memberOf.has(group) && !this.isAdmin) throw failure('SecurityViolation', notMember(this.user, group));
    if (!this.#store.get('ExperimenterGroup', group)) throw failure('ApiUsageException', `No such group: ${group}`);
    return group;
  }

  #maySeeKey(session: Stored): boolean {
    return (
      numberOf(session, 'owner') === this.user || numberOf(session, 'sudoer') === this.user || this.has('ReadSession')
    );
  }
}

export function notMember(user: number, group: number): string {
  return `User ${user} is not a member of group ${group} and cannot login`;
}

/** Classes that clients never save by themselves. */
export function isServersOwn(name: string): boolean {
  return globalClasses.has(name);
}

export function isEnumeration(name: string): boolean {
  return enumerationClasses.has(name);
}
