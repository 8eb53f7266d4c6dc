import { join } from 'node:path';
import { openBelow } from '../archive/open-below.ts';
import { bridgeError } from '../domain/errors.ts';

const mostBytes = 128 * 1024;

/** The end of the log of an order's import. */
export interface ImportLog {
  /** On the machine of the importer. */
  path: string;
  /** Bytes of the whole log. */
  size: number;
  /** Bytes before the end that is given. */
  skipped: number;
  text: string;
}

/** Name of the log of an order's import, in the folder of `BIOMERO_BRIDGE_IMPORT_LOG_DIR`. */
export function importLogName(uuid: string): string {
  return `import-${uuid}.log`;
}

/**
 * Reads the end of the log of an import, where this machine has the importer's logs. Secrets stand in it as `***` already.
 *
 * @throws IMPORT_LOG_NOT_HERE, ARCHIVED_FILE_REFUSED
 */
export async function readImportLog(logDir: string, uuid: string): Promise<ImportLog> {
  const name = importLogName(uuid);
  const path = join(logDir, name);
  const file = await openBelow(logDir, name).catch((error: NodeJS.ErrnoException) => {
    const reason = { ENOENT: 'there is none here', EACCES: 'it may not be read here' }[error.code ?? ''];
    throw reason === undefined ? error : bridgeError('IMPORT_LOG_NOT_HERE', { path, reason }, { cause: error });
  });
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, mostBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    const bytes = buffer.subarray(startOfCharacter(buffer, size > mostBytes), bytesRead);
    return { path, size, skipped: size - bytes.length, text: bytes.toString('utf8') };
  } finally {
    await file.close();
  }
}

/** Where a piece was cut out of a longer text, its first bytes may be the rest of a character. */
function startOfCharacter(bytes: Buffer, cut: boolean): number {
  let start = 0;
  while (cut && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return start;
}
