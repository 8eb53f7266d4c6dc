/** Turns errors of the file system into errors that tell a person what to do, and looks at free space beforehand. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bridgeError, isBridgeError, type BridgeError } from '../domain/errors.ts';

const failing = new Set(['EIO', 'ESTALE', 'ENODEV', 'ENXIO', 'ETIMEDOUT', 'EHOSTDOWN', 'ENOTCONN', 'EMFILE', 'ENFILE']);

/** The registry's error for a failed write at `path`; a registry error passes unchanged. `needed` in bytes. */
export async function storageError(failure: unknown, path: string, needed = 0): Promise<BridgeError> {
  if (isBridgeError(failure)) return failure;
  const code = (failure as NodeJS.ErrnoException).code ?? '';
  const uid = ownUid();
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const free = await freeSpace(dirname(path)).catch(() => null);
    const reason = code === 'EDQUOT' ? 'quota used up' : 'disk or inodes used up';
    return bridgeError(
      'STORAGE_FULL',
      { path, needed: needed || 'more', free: free?.bytes ?? 'unknown', reason, uid },
      { cause: failure },
    );
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    const reason = code === 'EROFS' ? 'the storage is mounted read-only' : code;
    return bridgeError('STORAGE_NOT_WRITABLE', { path, uid, reason }, { cause: failure });
  }
  const reason = failure instanceof Error ? failure.message : String(failure);
  return bridgeError(
    'STORAGE_FAILED',
    { path, reason: failing.has(code) ? `${code}, ${reason}` : reason },
    { cause: failure },
  );
}

/** Refuses (STORAGE_FULL) when bytes or names to come do not fit. File systems that tell no numbers are believed. */
export async function requireSpace(folder: string, bytes: number, names: number): Promise<void> {
  const free = await freeSpace(folder);
  const params = { path: folder, needed: bytes, uid: ownUid() };
  if (free.bytes !== null && free.bytes < bytes)
    throw bridgeError('STORAGE_FULL', { ...params, free: free.bytes, reason: 'disk too small for what is to come' });
  if (free.names !== null && free.names < names)
    throw bridgeError('STORAGE_FULL', {
      ...params,
      free: free.bytes ?? 'unknown',
      reason: `${names} new files are to come, and only ${free.names} are possible`,
    });
}

/** Bytes and new names that a file system has room for; null where it does not tell. */
export async function freeSpace(folder: string): Promise<{ bytes: number | null; names: number | null }> {
  const fs = await statfs(folder);
  return { bytes: fs.blocks > 0 ? fs.bavail * fs.bsize : null, names: fs.files > 0 ? fs.ffree : null };
}

/** The uid we write as; -1 where the system has none. */
export function ownUid(): number {
  return process.geteuid?.() ?? -1;
}

export function ownGid(): number {
  return process.getegid?.() ?? -1;
}
