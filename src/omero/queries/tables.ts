/** OMERO.tables: measurements as a table that is attached to what was measured. */
import { bridgeError } from '../../domain/errors.ts';
import { IceMarshalError, type IceObject, type IceProxy } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { newObject, reference } from '../model.ts';
import { rstring, unwrap } from '../rtypes.ts';
import type { RouterSession } from '../router-session.ts';
import type { AnnotationTarget } from './annotations.ts';
import { deleteObjects } from './deletion.ts';

/** A column with a value for every row. Those of ids let OMERO's viewers lead to the object of a row. */
export type TableColumn =
  | { readonly kind: TableIdKind | 'Long' | 'Double'; readonly name: string; readonly values: readonly number[] }
  | { readonly kind: 'Bool'; readonly name: string; readonly values: readonly boolean[] }
  | { readonly kind: 'String'; readonly name: string; readonly values: readonly string[] };
export type TableIdKind = 'Image' | 'Dataset' | 'Roi' | 'Well' | 'Plate';

/** Namespace by which OMERO's web client and tools know an attached table. */
const bulkAnnotations = 'openmicroscopy.org/omero/bulk_annotations';
const rowsPerCall = 10_000;

/**
 * Writes a table and attaches it to an object; resolves with the ids of its file and annotation. The columns have equally
 * many values. When it fails on the way, what it made is deleted again.
 *
 * @throws OMERO_TABLES_OFF, and the errors of any call
 */
export async function attachTable(
  link: OmeroLink,
  groupId: number,
  target: AnnotationTarget,
  table: { readonly name: string; readonly columns: readonly TableColumn[]; readonly ns?: string },
): Promise<{ fileId: number; annotationId: number }> {
  const { name, columns, ns = bulkAnnotations } = table;
  const rows = columns[0]?.values.length ?? 0;
  if (columns.some((c) => c.values.length !== rows)) throw new RangeError('the columns of a table differ in length');
  const fileId = await link.together('making a table', {}, async (session) => {
    const made = await open(session, link.server, groupId, 'newTable', [1, name]);
    const id = idOf(await made.call('getOriginalFile', []));
    try {
      await made.call('initialize', [columns.map((c) => toWire(c, 0, 0))]);
      for (let at = 0; at < rows; at += rowsPerCall)
        await made.call('addData', [columns.map((c) => toWire(c, at, at + rowsPerCall))]);
      await made.call('close', []);
      return id;
    } catch (error) {
      await made.call('delete', []).catch(() => undefined);
      throw error;
    }
  });
  const child = newObject('FileAnnotation', { ns: rstring(ns), file: reference('OriginalFile', fileId) });
  const parent = reference(target.type, target.id);
  const attached = newObject(`${target.type}AnnotationLink`, { parent, child });
  try {
    const saved = await link.call('IUpdate', 'saveAndReturnObject', [attached], { group: groupId });
    return { fileId, annotationId: idOf((saved as IceObject)['child']) };
  } catch (error) {
    // Of a table that hangs on nothing nobody would know.
    await deleteObjects(link, groupId, 'OriginalFile', [fileId]).catch(() => undefined);
    throw error;
  }
}

/**
 * All rows of a table by the id of its file. Columns of kinds that are not known here are left out.
 *
 * @throws OMERO_TABLES_OFF, OMERO_OBJECT_GONE, and the errors of any call
 */
export async function readTable(link: OmeroLink, groupId: number, fileId: number): Promise<TableColumn[]> {
  return link.together('reading a table', {}, async (session) => {
    const table = await open(session, link.server, groupId, 'openTable', [reference('OriginalFile', fileId)]);
    try {
      const headers = (await table.call('getHeaders', [])) as IceObject[];
      const rows = Number(await table.call('getNumberOfRows', []));
      const values: unknown[][] = headers.map(() => []);
      const all = headers.map((_, i) => i);
      for (let at = 0; at < rows; at += rowsPerCall) {
        const data = (await table.call('read', [all, at, Math.min(rows, at + rowsPerCall)])) as IceObject;
        for (const [i, column] of (data['columns'] as IceObject[]).entries())
          for (const value of (column['values'] ?? []) as unknown[]) values[i]?.push(value);
      }
      return headers.flatMap((header, i) => fromWire(header, values[i] ?? []));
    } finally {
      // It ends with the session anyway.
      await table.call('close', []).catch(() => undefined);
    }
  });
}

/** A table of OMERO's that is open on one connection. */
interface OpenTable {
  call(operation: string, args: readonly unknown[]): Promise<unknown>;
}

async function open(
  session: RouterSession,
  server: string,
  group: number,
  operation: 'newTable' | 'openTable',
  args: readonly unknown[],
): Promise<OpenTable> {
  const resources = await session.proxy('sharedResources');
  if ((await session.invoke(resources, 'SharedResources', 'areTablesEnabled', [], { group })) !== true)
    throw bridgeError('OMERO_TABLES_OFF', { server });
  const table = (await session.invoke(resources, 'SharedResources', operation, args, { group })) as IceProxy | null;
  if (!table) throw bridgeError('OMERO_TABLES_OFF', { server });
  await session.know(table);
  return { call: (name, values) => session.invoke(table, 'Table', name, values, { group }) };
}

function toWire(column: TableColumn, from: number, to: number): IceObject {
  const { kind, name, values } = column;
  const wire = { $type: `::omero::grid::${kind}Column`, name, description: '', values: values.slice(from, to) };
  // OMERO keeps texts in fields of one size, in bytes, that is set when the table is made.
  if (kind !== 'String') return wire;
  return { ...wire, size: column.values.reduce((most, text) => Math.max(most, Buffer.byteLength(text)), 1) };
}

function fromWire({ $type, name }: IceObject, values: unknown[]): TableColumn[] {
  const kind = /^::omero::grid::(Image|Dataset|Roi|Well|Plate|Long|Double|Bool|String)Column$/.exec($type)?.[1];
  return kind === undefined ? [] : [{ kind, name: String(name), values } as TableColumn];
}

function idOf(object: unknown): number {
  const id = unwrap((object as IceObject | null)?.['id']);
  if (typeof id !== 'number') throw new IceMarshalError('an object came back without an id');
  return id;
}
