/** The vocabulary of the check of a site's OMERO. */
import type { Config } from '../../config/config.ts';
import type { Finding } from '../agent/self-check.ts';
import { OmeroSession } from '../session.ts';
import type { Cleanup } from './cleanup.ts';

/** One thing that is tried, in words that an admin understands. Throwing counts as failing. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** Checks that must not have failed, or this one is not tried. */
  readonly needs: readonly string[];
  run(site: CheckSite): Promise<Finding>;
}

export interface CheckResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: Finding['outcome'] | 'skipped';
  readonly detail: string;
  readonly remedy: string | null;
  /** Code of the registry of errors, where one was thrown. */
  readonly code: string | null;
  readonly ms: number;
}

/** Whom the check acts as; null: only what needs nobody's data is tried. */
export interface ActAs {
  readonly user: string;
  readonly group: string;
}

/** What checks share: each finds here what those that it needs have made. */
export interface CheckSite {
  readonly config: Pick<Config, 'omero' | 'importer' | 'storage'>;
  readonly actAs: ActAs | null;
  /** Aborted when the check is to end early. */
  readonly signal: AbortSignal;
  readonly cleanup: Cleanup;
  /** How long an import whose session was closed gets to end inside the server. */
  readonly settleMs: number;
  /** A name that nothing else has. */
  readonly mark: string;
  readonly made: Made;
}

export interface Made {
  admin?: OmeroSession;
  session?: OmeroSession;
  managedRepository?: string;
  datasetId?: number;
  /** A folder on the storage of the group. */
  folder?: string;
  /** The log of the imports tells why they failed. */
  keepLog?: boolean;
  imported?: { path: string; filesetId: number; imageId: number };
}

/** The user's session, or a new one when that has ended meanwhile: what was made must go all the same. */
export async function livingSession(site: CheckSite): Promise<OmeroSession> {
  const session = made(site, 'session');
  if (!session.lost.aborted) return session;
  const admin = await OmeroSession.signIn(site.config.omero);
  site.cleanup.addLast('the session of the check', () => admin.close());
  const again = await admin.sudo(session.context.userName, session.context.groupName);
  site.cleanup.addLast(`the session of ${session.context.userName}`, () => again.close());
  site.made.session = again;
  return again;
}

/** Thrown by a check that cannot be tried here; the message says why, as the end of "not tried: ". */
export class SkipCheck extends Error {}

/** What an earlier check has made. Throws when that check was not named in `needs`. */
export function made<K extends keyof Made>(site: CheckSite, name: K): NonNullable<Made[K]> {
  const value = site.made[name];
  if (value === undefined || value === null) throw new Error(`no check before this one has made: ${name}`);
  return value;
}
