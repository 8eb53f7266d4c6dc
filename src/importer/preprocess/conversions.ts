import type { Database } from '../../lib/database.ts';
import { bridgeError } from '../../domain/errors.ts';
import { parsePreprocessing, type Preprocessing, type PreprocessingRow } from './preprocessing.ts';

/** A file that a container made of a file of an order. */
export interface ConvertedFile {
  /** Absolute; the copy that is kept. */
  path: string;
  name: string | null;
  keyvalues: [string, string][];
}

export interface Conversion {
  /** The order's file. */
  path: string;
  /** Folder of what was made of it. */
  folder: string;
  outputs: ConvertedFile[];
}

/** @throws ORDER_INVALID when the row is not there or cannot be carried out */
export async function readPreprocessing(db: Database, order: string, id: number): Promise<Preprocessing> {
  const { rows } = await db.query<PreprocessingRow & Record<string, unknown>>(
    `select id, container, input_file, output_folder, alt_output_folder, extra_params
     from imports_preprocessing where id = $1`,
    [id],
  );
  if (!rows[0]) throw bridgeError('ORDER_INVALID', { order, reason: `there is no preprocessing ${id}` });
  return parsePreprocessing(order, rows[0]);
}

/** The conversions of an order that ended well. */
export async function readConversions(db: Database, order: string): Promise<Map<string, Conversion>> {
  const { rows } = await db.query<Conversion & Record<string, unknown>>(
    'select path, folder, outputs from bridge.conversions where order_uuid = $1',
    [order],
  );
  return new Map(rows.map((row) => [row.path, row]));
}

/** The first record of a file stands: whoever comes second was superseded meanwhile. */
export async function insertConversion(db: Database, order: string, conversion: Conversion): Promise<void> {
  await db.query(
    `insert into bridge.conversions (order_uuid, path, folder, outputs) values ($1, $2, $3, $4)
     on conflict (order_uuid, path) do nothing`,
    [order, conversion.path, conversion.folder, JSON.stringify(conversion.outputs)],
  );
}
