/** A job's results folder on the cluster, what it holds, and what can be wrong with it. */
import { bridgeError, isBridgeError } from '../domain/errors.ts';
import type { Transport } from '../slurm/transport.ts';
import { showName } from './entry-name.ts';
import { defaultLimits } from './unpack.ts';

export interface FarFile {
  /** Below the folder. */
  path: string;
  bytes: number;
  /** Time of the last change, as the far side tells it: only compared. */
  changed: string;
}

export interface FarList {
  /** Files by their path below the folder. */
  files: Map<string, FarFile>;
  folders: Set<string>;
  bytes: number;
}

export interface FarFolder {
  transport: Transport;
  /** `<data path>/data/out`. */
  path: string;
  jobId: number;
  /** A list, manifest or table of checksums may be so long: it is held in memory. */
  mostListBytes: number;
}

/** What a name of usual length, with size and time, takes at most in a list. */
const bytesPerEntry = 512;

/** The results folder of a job; refuses data paths that would be taken for an option or hold control characters. */
export function resultsFolder(
  transport: Transport,
  dataPath: string,
  jobId: number,
  mostEntries = defaultLimits.entries,
): FarFolder {
  // oxlint-disable-next-line no-control-regex
  if (dataPath === '' || dataPath.startsWith('-') || /[\u0000-\u001f\u007f]/.test(dataPath))
    throw bridgeError('ARCHIVE_ID_INVALID', { what: 'data path', value: dataPath });
  const mostListBytes = Math.max(1024 * 1024, mostEntries * bytesPerEntry);
  return { transport, path: `${dataPath.replace(/\/+$/, '')}/data/out`, jobId, mostListBytes };
}

export function firstNames(names: string[]): string {
  return `${names.slice(0, 3).map(showName).join(', ')}${names.length > 3 ? ', …' : ''}`;
}

export function refused(folder: FarFolder, entry: string, reason: string): Error {
  return bridgeError('ARCHIVE_ENTRY_REFUSED', { entry, reason, where: `${folder.path} on the cluster` });
}

export function incomplete(folder: FarFolder, reason: string, cause?: unknown): Error {
  if (isBridgeError(cause)) return cause;
  return bridgeError('TRANSFER_INCOMPLETE', { job: folder.jobId, folder: folder.path, reason }, { cause });
}
