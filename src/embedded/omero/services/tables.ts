import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IceObject } from '../../../omero/ice/values.ts';
import { unwrap } from '../../../omero/rtypes.ts';
import type { Call, Service } from '../context.ts';
import { failure, noSuchRow } from '../failures.ts';
import type { Stored } from '../objects.ts';
import { ToWire } from '../to-wire.ts';

/** A column as it lies in the file of its table. */
interface Column {
  readonly type: string;
  readonly name: string;
  readonly description: string;
  /** Bytes of a text column's fields. */
  readonly size?: number;
  readonly values: readonly unknown[];
}

const kinds = /^::omero::grid::(Image|Dataset|Roi|Well|Plate|File|Long|Double|Bool|String)Column$/;
let last = 0;

/** SharedResources: of these, tables. They lie as JSON where attachments lie. */
export const sharedResourcesService: Service = {
  areTablesEnabled: () => true,
  async newTable(call, [, name]) {
    const { store } = call.server;
    const group = call.actor.writeGroup();
    const members = { version: 0, name: String(name), path: '', mimetype: 'OMERO.tables' };
    const file = await store.write((draft) =>
      draft.create(store.model.get('OriginalFile'), call.actor.user, group, members),
    );
    return opened(call, file.id);
  },
  openTable(call, [file]) {
    const id = Number(unwrap((file as IceObject | null)?.['id']));
    return opened(call, readable(call, id).id);
  },
};

function opened(call: Call, fileId: number): ReturnType<Call['proxy']> {
  const name = `${call.session.uuid}/Table/${++last}`;
  call.client.tables.set(name, fileId);
  return call.proxy(name);
}

/** Table: one that this client opened. */
export const tableService: Service = {
  getOriginalFile: (call) => new ToWire(call.server.store, call.actor).object(fileOf(call)),
  async initialize(call, [columns]) {
    if ((await read(call)).length) throw failure('ApiUsageException', 'the table is initialized already');
    await write(
      call,
      (columns as (IceObject | null)[]).map((column) => ({ ...described(column), values: [] })),
    );
  },
  async addData(call, [columns]) {
    const before = await read(call);
    const added = (columns as (IceObject | null)[]).map(described);
    if (added.length !== before.length || added.some((c, i) => c.type !== before[i]?.type))
      throw failure('ApiUsageException', 'the columns are not those of the table');
    for (const [i, { name, values }] of added.entries()) {
      if (values.length !== added[0]?.values.length) throw failure('ApiUsageException', 'the columns differ in length');
      const size = before[i]?.size ?? Number.POSITIVE_INFINITY;
      if (values.some((v) => typeof v === 'string' && Buffer.byteLength(v) > size))
        throw failure('ValidationException', `Maximum string (byte) length in column ${name} is ${size}`);
    }
    await write(
      call,
      before.map((c, i) => ({ ...c, values: [...c.values, ...(added[i]?.values ?? [])] })),
    );
  },
  getHeaders: async (call) => (await read(call)).map((column) => onWire(column, 0, 0)),
  getNumberOfRows: async (call) => rowsOf(await read(call)),
  async read(call, [indexes, from, to]) {
    const columns = await read(call);
    const start = Number(from);
    const end = Math.min(rowsOf(columns), Number(to));
    const chosen = (indexes as number[]).map((i) => {
      const column = columns[i];
      if (!column) throw failure('ApiUsageException', `the table has no column ${i}`);
      return onWire(column, start, end);
    });
    const rowNumbers = Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
    return { $type: '::omero::grid::Data', lastModification: fileOf(call).updated, rowNumbers, columns: chosen };
  },
  async delete(call) {
    const file = fileOf(call);
    requireEdit(call, file);
    await call.server.store.write((draft) => draft.delete(file));
    call.client.tables.delete(call.objectName);
  },
  close(call) {
    call.client.tables.delete(call.objectName);
  },
};

function described(column: IceObject | null): Column {
  if (!column || !kinds.test(column.$type))
    throw failure('ApiUsageException', `columns of type ${column?.$type ?? 'null'} are not supported by this server`);
  const { $type: type, name, description, size, values } = column;
  return {
    type,
    name: String(name),
    description: String(description ?? ''),
    ...(type.endsWith('StringColumn') ? { size: Number(size) } : {}),
    values: (values ?? []) as unknown[],
  };
}

function onWire({ type, values, ...rest }: Column, from: number, to: number): IceObject {
  // JSON has no number for what is none.
  const isDouble = type.endsWith('DoubleColumn');
  const some = values.slice(from, to).map((v) => (isDouble && v === null ? Number.NaN : v));
  return { $type: type, ...rest, values: some };
}

function rowsOf(columns: readonly Column[]): number {
  return columns[0]?.values.length ?? 0;
}

function fileOf(call: Call): Stored {
  const id = call.client.tables.get(call.objectName);
  if (id === undefined) throw failure('ApiUsageException', 'this table was closed');
  return readable(call, id);
}

function readable(call: Call, id: number): Stored {
  const found = call.server.store.get('OriginalFile', id);
  if (!found || !call.everywhere.canRead(found)) throw noSuchRow('ome.model.core.OriginalFile', id);
  return found;
}

function requireEdit(call: Call, file: Stored): void {
  if (!call.actor.canEdit(file))
    throw failure('SecurityViolation', `Updating ${file.class.javaName}:Id_${file.id} not allowed.`);
}

async function read(call: Call): Promise<readonly Column[]> {
  const path = join(call.server.filesFolder, String(fileOf(call).id));
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? [] : (JSON.parse(text) as Column[]);
}

async function write(call: Call, columns: readonly Column[]): Promise<void> {
  const file = fileOf(call);
  requireEdit(call, file);
  await mkdir(call.server.filesFolder, { recursive: true });
  await writeFile(join(call.server.filesFolder, String(file.id)), JSON.stringify(columns), { mode: 0o600 });
}
