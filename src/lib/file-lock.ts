import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { identifyProcess, isAlive, parseIdentity, type ProcessIdentity } from './process-identity.ts';

/**
 * A lock between processes of one machine: a file that names its holder by process identity. It is free again when the
 * holder died, however it died. The file appears complete (written beside, then linked), so a living holder's is never
 * seen empty. A dead holder's is removed only by who holds the lock `<path>.takeover`, taken in the same way: otherwise
 * the slower one of two that found it dead would remove the faster one's new lock.
 */
export type FileLock = { release(): Promise<void> } | { heldBy: ProcessIdentity };

export async function takeFileLock(path: string): Promise<FileLock> {
  const own = identifyProcess(process.pid);
  for (;;) {
    if (await create(path, JSON.stringify(own))) return { release: releaseOnce(path) };
    const found = read(path);
    if (found === null) continue;
    const holder = holderIn(found);
    if (holder) return { heldBy: holder };
    const takeover = await takeFileLock(`${path}.takeover`);
    if ('heldBy' in takeover) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    try {
      if (read(path) === found) await rm(path, { force: true });
    } finally {
      await takeover.release();
    }
  }
}

async function create(path: string, content: string): Promise<boolean> {
  const complete = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const file = await open(complete, 'wx', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
    await link(complete, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await file.close();
    await rm(complete, { force: true });
  }
}

/** The holder, if it lives. What is no identity (a file torn by a power loss) has no living holder. */
function holderIn(content: string): ProcessIdentity | null {
  try {
    const holder = parseIdentity(JSON.parse(content));
    return holder && isAlive(holder) ? holder : null;
  } catch {
    return null;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A second call must not remove the lock that another process has taken since the first. */
function releaseOnce(path: string): () => Promise<void> {
  let released = false;
  return async () => {
    if (released) return;
    released = true;
    await rm(path, { force: true });
  };
}
