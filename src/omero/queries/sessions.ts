import { bridgeError, isBridgeError } from '../../domain/errors.ts';
import { omeroMessage } from '../failure.ts';
import { IceException, type IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { rstring, unwrap } from '../rtypes.ts';
import { project, textAt } from './project.ts';
import { findGroup, findUser, groupsOf } from './users.ts';

/** More references than a session of ours can have; a server that counts down forever must not keep us. */
const mostReferences = 100;

/**
 * Creates a session of another user in a group and returns its key. It lives until it is closed or idle for `idleMs`.
 * Throws OMERO_USER_UNKNOWN, OMERO_GROUP_UNKNOWN, OMERO_NOT_IN_GROUP, OMERO_SUDO_REFUSED.
 */
export async function createSudoSession(link: OmeroLink, user: string, group: string, idleMs: number): Promise<string> {
  const principal = { $type: '::omero::sys::Principal', name: user, group, eventType: 'User', umask: null };
  try {
    const session = await link.call('ISession', 'createSessionWithTimeouts', [principal, 0, idleMs]);
    return String(unwrap((session as IceObject)['uuid']));
  } catch (error) {
    if (!isBridgeError(error) || !(error.cause instanceof IceException) || error.retryable) throw error;
    // OMERO says the same of an unknown user, an unknown group and a missing membership: look what it was.
    const found = await findUser(link, user);
    if (!found) throw bridgeError('OMERO_USER_UNKNOWN', { user }, { cause: error });
    const wanted = await findGroup(link, group);
    if (!wanted) throw bridgeError('OMERO_GROUP_UNKNOWN', { group }, { cause: error });
    const groups = await groupsOf(link, found.id);
    if (!groups.some((g) => g.id === wanted.id))
      throw bridgeError('OMERO_NOT_IN_GROUP', { user, group }, { cause: error });
    const reason = omeroMessage(error);
    throw bridgeError('OMERO_SUDO_REFUSED', { admin: link.user, user, group, reason }, { cause: error });
  }
}

/** Ends a session by its database id, however many clients have joined it; `gone` when none was open. */
export async function closeSessionById(link: OmeroLink, sessionId: number): Promise<'closed' | 'gone'> {
  const hql = 'select s.id, s.uuid from Session s where s.id = :id and s.closed is null';
  const [row] = await project(link, hql, { id: sessionId });
  if (!row) return 'gone';
  const uuid = textAt(row, 1);
  // OMERO hides the keys of sessions that are neither the account's own nor made by it: "unknown" would not mean gone.
  if (/^\*+$/.test(uuid))
    throw bridgeError('OMERO_NOT_PERMITTED', {
      operation: `closing session ${sessionId}`,
      user: link.user,
      reason: 'it is neither its own session nor one that it has opened for somebody',
    });
  return endSession(link, uuid);
}

/**
 * Takes one reference after the other from a session until OMERO has removed it (-2) or knows none (-1).
 * Throws OMERO_FAILED when it never does.
 */
export async function endSession(link: OmeroLink, uuid: string): Promise<'closed' | 'gone'> {
  const session = { $type: '::omero::model::Session', uuid: rstring(uuid), loaded: true };
  for (let i = 0; i < mostReferences; i++) {
    const left = await link.call('ISession', 'closeSession', [session], { timeoutMs: 15_000 });
    if (left === -1) return i === 0 ? 'gone' : 'closed';
    if (left === -2) return 'closed';
  }
  throw bridgeError('OMERO_FAILED', { operation: 'closing a session', reason: 'the session does not end' });
}
