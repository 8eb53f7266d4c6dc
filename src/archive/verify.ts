/** Whether an archive is what its manifest says. Needs nothing but the folder. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../domain/errors.ts';
import { showName } from './entry-name.ts';
import { manifestName, readManifest, type ManifestLine } from './manifest.ts';
import { walkFiles } from './walk.ts';

export interface Verification {
  ok: boolean;
  /** One sentence each, with the file's name. */
  problems: string[];
}

/** Reads every file of the archive again and compares it with the manifest. */
export async function verifyArchive(path: string): Promise<Verification> {
  let lines: ManifestLine[];
  try {
    lines = readManifest(await readFile(join(path, manifestName), 'utf8'));
  } catch (error) {
    return { ok: false, problems: [`${manifestName} cannot be read: ${describeError(error)}`] };
  }
  const problems: string[] = [];
  const expected = new Map(lines.map((line) => [line.path, line.sha256]));
  try {
    for await (const file of walkFiles(path)) {
      if (file.path === manifestName) continue;
      const sha256 = expected.get(file.path);
      expected.delete(file.path);
      if (!file.regular) problems.push(`${showName(file.path)} is not a regular file`);
      else if (sha256 === undefined) problems.push(`${showName(file.path)} is not in the manifest`);
      else {
        const found = await hashFile(join(path, file.path)).catch((error: unknown) => ({ error }));
        if (typeof found !== 'string')
          problems.push(`${showName(file.path)} cannot be read: ${describeError(found.error)}`);
        else if (found !== sha256) problems.push(`${showName(file.path)} has changed: its SHA-256 is ${found}`);
      }
    }
  } catch (error) {
    problems.push(`the archive cannot be read: ${describeError(error)}`);
  }
  for (const missing of expected.keys()) problems.push(`${showName(missing)} is missing`);
  return { ok: problems.length === 0, problems };
}

/** SHA-256 of a regular file, as hex; a link is not followed. */
export async function hashFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    const stream = file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}
