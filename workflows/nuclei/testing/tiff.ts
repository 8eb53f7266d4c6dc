/** A little-endian TIFF of uncompressed 8- or 16-bit pages, one strip each; samples of a pixel lie together. */
export function plainTiff(
  width: number,
  height: number,
  pages: readonly (Uint8Array | Uint16Array)[],
  options: { samples?: number; photometric?: number; description?: string } = {},
): Buffer {
  const { samples = 1, photometric = 1, description = '' } = options;
  const chunks: Buffer[] = [Buffer.alloc(8)];
  let end = 8;
  const add = (bytes: Buffer): number => {
    const at = end;
    const padded = Buffer.concat([bytes, Buffer.alloc(bytes.length & 1)]);
    chunks.push(padded);
    end += padded.length;
    return at;
  };
  const text = Buffer.from(`${description}\0\0\0\0`);
  const textAt = add(text);
  let linkAt = 4;
  const links: [at: number, value: number][] = [];
  for (const page of pages) {
    const depth = page.BYTES_PER_ELEMENT * 8;
    const bits = Buffer.alloc(2 * samples);
    for (let i = 0; i < samples; i++) bits.writeUInt16LE(depth, 2 * i);
    const bitsAt = samples > 2 ? add(bits) : samples === 2 ? depth * 65_537 : depth;
    const strip = add(Buffer.from(page.buffer, page.byteOffset, page.byteLength));
    const entries = [
      [256, 4, 1, width],
      [257, 4, 1, height],
      [258, 3, samples, bitsAt],
      [259, 3, 1, 1],
      [262, 3, 1, photometric],
      [270, 2, text.length, textAt],
      [273, 4, 1, strip],
      [277, 3, 1, samples],
      [278, 4, 1, height],
      [279, 4, 1, page.byteLength],
    ];
    const directory = Buffer.alloc(2 + entries.length * 12 + 4);
    directory.writeUInt16LE(entries.length);
    entries.forEach(([tag, type, count, value], i) => {
      directory.writeUInt16LE(tag!, 2 + i * 12);
      directory.writeUInt16LE(type!, 4 + i * 12);
      directory.writeUInt32LE(count!, 6 + i * 12);
      directory.writeUInt32LE(value!, 10 + i * 12);
    });
    const at = add(directory);
    links.push([linkAt, at]);
    linkAt = at + 2 + entries.length * 12;
  }
  const file = Buffer.concat(chunks);
  file.write('II');
  file.writeUInt16LE(42, 2);
  for (const [at, value] of links) file.writeUInt32LE(value, at);
  return file;
}
