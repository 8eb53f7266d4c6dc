/**
 * Results by way of a zip that the cluster makes: fetched byte for byte, from where a broken transfer left off, kept as
 * it is, and unpacked here. What the cluster made is removed there again; `data/out` is never touched.
 */
import { join } from 'node:path';
import { isBridgeError } from '../domain/errors.ts';
import { firstNames, incomplete, type FarFolder, type FarList } from './far-folder.ts';
import type { FarTools } from './far-tools.ts';
import { findOrMakeZip, forgetZip } from './far-zip.ts';
import { BrokeOff, fetchFile } from './fetch-file.ts';
import type { StagedFile, TransferOptions } from './transfer.ts';
import { TreeWriter } from './tree-writer.ts';
import { unpackZip } from './unpack.ts';

/** Returns every file below the staging folder, the zip last. */
export async function zipThere(
  o: TransferOptions,
  folder: FarFolder,
  tools: FarTools,
  list: FarList,
): Promise<StagedFile[]> {
  const zip = await findOrMakeZip(o, folder, tools, list);
  try {
    const local = join(o.staging, `${o.jobId}_out.zip`);
    const sha256 = await fetchFile(o, folder, zip.path, local, zip.bytes);
    if (zip.sha256 !== null && zip.sha256 !== sha256)
      throw incomplete(folder, `the zip made there has SHA-256 ${zip.sha256}, what arrived has ${sha256}`);
    const out = `${o.jobId}_out/data/out`;
    await new TreeWriter(o.staging, o.staging).folder(out);
    const files = await unpackZip(local, join(o.staging, out), {
      signal: o.signal,
      ...(o.settings?.limits ? { limits: o.settings.limits } : {}),
    }).catch((error: unknown) => {
      // Without a checksum from there, the transfer may have damaged it: another one decides.
      if (zip.sha256 !== null || !isBridgeError(error, 'ZIP_INVALID')) throw error;
      throw incomplete(folder, `what arrived is no sound zip: ${error.message}`);
    });
    compare(folder, list, files);
    await forgetZip(o, zip);
    return [
      ...files.map((file) => ({ ...file, path: `${out}/${file.path}` })),
      { path: `${o.jobId}_out.zip`, bytes: zip.bytes, sha256 },
    ];
  } catch (error) {
    if (!isWorthResuming(error, o.signal)) await forgetZip(o, zip);
    throw error;
  }
}

/** Whether the zip there and what came of it are good: the connection, the storage or our own end stood in the way. */
function isWorthResuming(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted) return true;
  return isBridgeError(error) && (error.cause instanceof BrokeOff || /^(STORAGE|CLUSTER)_/.test(error.code));
}

function compare(folder: FarFolder, list: FarList, files: readonly StagedFile[]): void {
  const left = new Map(list.files);
  const wrong: string[] = [];
  for (const { path, bytes } of files) {
    if (left.get(path)?.bytes !== bytes) wrong.push(path);
    left.delete(path);
  }
  wrong.push(...left.keys());
  if (wrong.length > 0)
    throw incomplete(
      folder,
      `${wrong.length} files of the zip made there are not as listed, first ${firstNames(wrong)}`,
    );
}
