import { crc32, deflateRawSync } from 'node:zlib';
import { centralRecord, endRecords, localHeader, type ZipRecord } from '../zip-records.ts';

export interface Part {
  name: string | Buffer;
  data?: Buffer;
  deflate?: true;
  change?: (record: ZipRecord) => void;
  local?: (header: Buffer) => void;
  central?: (record: Buffer) => void;
}

/** A zip, stored unless a part says otherwise, part by part, so that each can be made to lie. */
export function zipOf(...parts: Part[]): Buffer {
  const body: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data: content = Buffer.from('data'), deflate, change, local, central } of parts) {
    const data = deflate ? deflateRawSync(content) : content;
    const record: ZipRecord = {
      name: Buffer.from(name),
      bytes: content.length,
      packed: data.length,
      crc: crc32(content),
      method: deflate ? 8 : 0,
      mtime: 1_700_000_000,
      offset,
    };
    change?.(record);
    const header = localHeader(record);
    local?.(header);
    const entry = centralRecord(record);
    central?.(entry);
    body.push(header, data);
    directory.push(entry);
    offset += header.length + data.length;
  }
  const records = Buffer.concat(directory);
  return Buffer.concat([...body, records, endRecords(parts.length, records.length, offset)]);
}
