import { isBridgeError } from '../../domain/errors.ts';
import type { IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { unwrap } from '../rtypes.ts';
import { numberAt, project, textAt } from './project.ts';

/** Who and where a session is, as OMERO sees it. */
export interface EventContext {
  readonly userId: number;
  readonly userName: string;
  readonly groupId: number;
  readonly groupName: string;
  readonly sessionId: number;
  readonly sessionUuid: string;
  readonly isAdmin: boolean;
  readonly memberOfGroups: readonly number[];
  readonly leaderOfGroups: readonly number[];
}

export async function readEventContext(link: OmeroLink): Promise<EventContext> {
  const context = (await link.call('IAdmin', 'getEventContext', [])) as Partial<EventContext>;
  const {
    userId = -1,
    userName = '',
    groupId = -1,
    groupName = '',
    sessionId = -1,
    sessionUuid = '',
    isAdmin = false,
    memberOfGroups = [],
    leaderOfGroups = [],
  } = context;
  return { userId, userName, groupId, groupName, sessionId, sessionUuid, isAdmin, memberOfGroups, leaderOfGroups };
}

/** A user by login name, or null. */
export async function findUser(link: OmeroLink, name: string): Promise<{ id: number; name: string } | null> {
  const [row] = await project(link, 'select e.id, e.omeName from Experimenter e where e.omeName = :name', { name });
  return row ? { id: numberAt(row, 0), name: textAt(row, 1) } : null;
}

/** Login name of a user by id, or null. */
export async function userName(link: OmeroLink, id: number): Promise<string | null> {
  const [row] = await project(link, 'select e.id, e.omeName from Experimenter e where e.id = :id', { id });
  return row ? textAt(row, 1) : null;
}

/** Name of a group by id, or null. */
export async function groupName(link: OmeroLink, id: number): Promise<string | null> {
  const [row] = await project(link, 'select g.id, g.name from ExperimenterGroup g where g.id = :id', { id });
  return row ? textAt(row, 1) : null;
}

/** A group by name with its permissions as text (`rwra--`), or null. */
export async function findGroup(
  link: OmeroLink,
  name: string,
): Promise<{ id: number; name: string; permissions: string } | null> {
  let group: IceObject | null;
  try {
    group = (await link.call('IAdmin', 'lookupGroup', [name])) as IceObject | null;
  } catch (error) {
    // OMERO answers "No such group" with an ApiUsageException.
    if (isBridgeError(error, 'OMERO_REQUEST_REFUSED')) return null;
    throw error;
  }
  if (!group) return null;
  const details = group['details'] as IceObject | null;
  const permissions = details?.['permissions'] as IceObject | null | undefined;
  return {
    id: Number(unwrap(group['id'])),
    name: String(unwrap(group['name'])),
    permissions: permissionsText(BigInt((permissions?.['perm1'] as number | bigint | undefined) ?? 0)),
  };
}

/** Groups that OMERO makes for itself: nobody works in them, and a session in `user` is one in somebody's default group. */
export const omerosOwn: ReadonlySet<string> = new Set(['system', 'user', 'guest']);

/** Every group that people have made, by id. */
export async function allGroups(link: OmeroLink): Promise<{ id: number; name: string }[]> {
  const rows = await project(link, 'select g.id, g.name from ExperimenterGroup g order by g.id', {});
  return rows.map((row) => ({ id: numberAt(row, 0), name: textAt(row, 1) })).filter(({ name }) => !omerosOwn.has(name));
}

/** The groups of a user, by group id, with whether the user leads them. */
export async function groupsOf(
  link: OmeroLink,
  userId: number,
): Promise<{ id: number; name: string; leader: boolean }[]> {
  const rows = await project(
    link,
    'select g.id, g.name, m.owner from GroupExperimenterMap m join m.parent g where m.child.id = :id order by g.id',
    { id: userId },
  );
  return rows.map((row) => ({ id: numberAt(row, 0), name: textAt(row, 1), leader: row[2] === true }));
}

/** OMERO's bits of `Permissions.perm1`: read, annotate and write for user, group and world. */
function permissionsText(perm1: bigint): string {
  const triple = (shift: bigint): string => {
    const can = (bit: bigint): boolean => ((perm1 >> (shift + bit)) & 1n) === 1n;
    const second = can(1n) ? 'w' : can(0n) ? 'a' : '-';
    return `${can(2n) ? 'r' : '-'}${second}`;
  };
  return `${triple(8n)}${triple(4n)}${triple(0n)}`;
}
