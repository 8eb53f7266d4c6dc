import { createHash } from 'node:crypto';
import { mkdir, open, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Call, Service } from '../context.ts';
import { failure, noSuchRow } from '../failures.ts';
import type { Stored } from '../objects.ts';
import { ToWire } from '../to-wire.ts';

/** The file that one RawFileStore of one client works on. */
export interface RawFile {
  id: number | null;
}

const maxRead = 64 << 20;

/** RawFileStore: contents of original files that are attachments; they lie under their id in the server's folder. */
export const rawFileService: Service = {
  setFileId(call, [id]) {
    stateOf(call).id = readable(call, Number(id)).id;
  },
  async read(call, [position, length]) {
    const { path } = current(call);
    const from = amount(position, Number.MAX_SAFE_INTEGER);
    const buffer = Buffer.alloc(amount(length, maxRead));
    const file = await open(path, 'r').catch(() => null);
    if (!file) throw failure('ResourceError', 'the file has no content');
    try {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
      return new Uint8Array(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  },
  async write(call, [bytes, position, length]) {
    const { object, path } = current(call);
    if (!call.actor.canEdit(object))
      throw failure('SecurityViolation', `Updating ${object.class.javaName}:Id_${object.id} not allowed.`);
    await mkdir(call.server.filesFolder, { recursive: true });
    const file = await open(path, 'r+').catch(() => open(path, 'w+', 0o600));
    try {
      const data = (bytes as Uint8Array).subarray(0, amount(length, maxRead));
      await file.write(data, 0, data.length, amount(position, Number.MAX_SAFE_INTEGER));
    } finally {
      await file.close();
    }
  },
  async truncate(call, [length]) {
    const { object, path } = current(call);
    if (!call.actor.canEdit(object))
      throw failure('SecurityViolation', `Updating ${object.class.javaName}:Id_${object.id} not allowed.`);
    // As OMERO answers: whether anything was cut off.
    const wanted = amount(length, Number.MAX_SAFE_INTEGER);
    if ((await sizeOf(path)) <= wanted) return false;
    await truncate(path, wanted);
    return true;
  },
  size: async (call) => sizeOf(current(call).path),
  exists: async (call) => {
    const { path } = current(call);
    return stat(path).then(
      () => true,
      () => false,
    );
  },
  async save(call) {
    const { object, path } = current(call);
    if (!call.actor.canEdit(object))
      throw failure('SecurityViolation', `Updating ${object.class.javaName}:Id_${object.id} not allowed.`);
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    const hash = createHash('sha1').update(content).digest('hex');
    const saved = await call.server.store.write((draft) => draft.change(object, { size: content.length, hash }));
    return new ToWire(call.server.store, call.actor).object(saved);
  },
  close(call) {
    call.client.rawFiles.delete(call.objectName);
  },
};

function stateOf(call: Call): RawFile {
  const state = call.client.rawFiles.get(call.objectName);
  if (!state) throw failure('ApiUsageException', 'this RawFileStore was closed');
  return state;
}

function current(call: Call): { object: Stored; path: string } {
  const { id } = stateOf(call);
  if (id === null) throw failure('ApiUsageException', 'setFileId comes first');
  return { object: readable(call, id), path: join(call.server.filesFolder, String(id)) };
}

function readable(call: Call, id: number): Stored {
  const found = call.server.store.get('OriginalFile', id);
  if (!found || !call.everywhere.canRead(found)) throw noSuchRow('ome.model.core.OriginalFile', id);
  return found;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (s) => s.size,
    () => 0,
  );
}

function amount(value: unknown, most: number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0 || number > most)
    throw failure('ApiUsageException', `a number of bytes up to ${most} is expected, not ${String(value)}`);
  return number;
}
