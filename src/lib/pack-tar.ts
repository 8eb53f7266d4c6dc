import { open } from 'node:fs/promises';

/** A file for `packTar`. */
export interface PackedFile {
  /** Its path in the archive, relative, with `/`. */
  name: string;
  /** Where it is read. */
  path: string;
  /** Its size; a file that turns out to have another one is an error. */
  bytes: number;
}

const blockBytes = 512;
const readBytes = 1024 * 1024;

/**
 * A tar stream (ustar, with pax records for long or non-ASCII names and sizes from 8 GiB on) of regular files.
 *
 * @param onFile called after each file was read
 * @throws Error when a file cannot be read or changed its size meanwhile
 */
export async function* packTar(
  files: readonly PackedFile[],
  onFile?: (file: PackedFile) => void,
): AsyncGenerator<Buffer> {
  for (const file of files) {
    const records = paxRecords(file);
    if (records.length) {
      yield header('pax', 'x', records.length);
      yield padded(records);
    }
    yield header(shortName(file.name), '0', file.bytes);
    yield* contents(file);
    onFile?.(file);
  }
  yield Buffer.alloc(2 * blockBytes);
}

async function* contents(file: PackedFile): AsyncGenerator<Buffer> {
  const handle = await open(file.path, 'r');
  try {
    let left = file.bytes;
    while (left > 0) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(readBytes, left)), 0);
      if (bytesRead === 0) throw new Error(`${file.path} became shorter while it was read`);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    if ((await handle.stat()).size !== file.bytes) throw new Error(`${file.path} changed while it was read`);
  } finally {
    await handle.close();
  }
  const rest = file.bytes % blockBytes;
  if (rest) yield Buffer.alloc(blockBytes - rest);
}

/** Fields that the header has no room for. */
function paxRecords(file: PackedFile): Buffer {
  const fields: [string, string][] = [];
  if (shortName(file.name) !== file.name) fields.push(['path', file.name]);
  if (file.bytes > 0o77777777777) fields.push(['size', String(file.bytes)]);
  return Buffer.concat(fields.map(([key, value]) => paxRecord(key, value)));
}

/** `<length> key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** The name itself where the header can hold it, else a stand-in; the pax record has the name. */
function shortName(name: string): string {
  // oxlint-disable-next-line no-control-regex
  const plain = /^[\x21-\x7e][\x20-\x7e]*$/.test(name);
  return plain && name.length <= 100 ? name : 'file';
}

function header(name: string, type: string, bytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, 'latin1');
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  // A larger size stands in the pax record, which wins.
  block.write(`${Math.min(bytes, 0o77777777777).toString(8).padStart(11, '0')}\0`, 124);
  block.write(
    `${Math.floor(Date.now() / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  );
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(data: Buffer): Buffer {
  const rest = data.length % blockBytes;
  return rest ? Buffer.concat([data, Buffer.alloc(blockBytes - rest)]) : data;
}
