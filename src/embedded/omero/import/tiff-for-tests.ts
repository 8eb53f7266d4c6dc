/** For tests: small uncompressed TIFF files made by hand, so that each byte can be broken on purpose. */

export interface PageForTest {
  readonly width: number;
  readonly height: number;
  readonly bits?: 8 | 16 | 32;
  readonly description?: string;
  /** 1: a smaller version of another page. */
  readonly subfile?: number;
}

/** Little-endian classic TIFF with one strip per page; pixel values count up. */
export function tiff(pages: readonly PageForTest[]): Buffer {
  const parts: Buffer[] = [];
  let at = 8;
  const directories: number[] = [];
  const add = (bytes: Buffer): number => {
    const start = at;
    const padded = bytes.length % 2 ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes;
    parts.push(padded);
    at += padded.length;
    return start;
  };
  const nextFields: [directory: number, offset: number][] = [];
  for (const { width, height, bits = 16, description = '', subfile = 0 } of pages) {
    const bytes = (width * height * bits) / 8;
    const pixels = add(Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251)));
    const text = Buffer.from(`${description}\0`);
    const textAt = add(text);
    const entries: [tag: number, type: number, count: number, value: number][] = [
      [254, 4, 1, subfile],
      [256, 4, 1, width],
      [257, 4, 1, height],
      [258, 3, 1, bits],
      [259, 3, 1, 1],
      [262, 3, 1, 1],
      [270, 2, text.length, text.length > 4 ? textAt : text.readUIntLE(0, Math.min(4, text.length))],
      [273, 4, 1, pixels],
      [277, 3, 1, 1],
      [278, 4, 1, height],
      [279, 4, 1, bytes],
      [339, 3, 1, 1],
    ];
    const directory = Buffer.alloc(2 + entries.length * 12 + 4);
    directory.writeUInt16LE(entries.length, 0);
    entries.forEach(([tag, type, count, value], i) => {
      directory.writeUInt16LE(tag, 2 + i * 12);
      directory.writeUInt16LE(type, 4 + i * 12);
      directory.writeUInt32LE(count, 6 + i * 12);
      directory.writeUInt32LE(value, 10 + i * 12);
    });
    const start = add(directory);
    directories.push(start);
    nextFields.push([start, start + directory.length - 4]);
  }
  const head = Buffer.alloc(8);
  head.write('II', 'latin1');
  head.writeUInt16LE(42, 2);
  head.writeUInt32LE(directories[0] ?? 0, 4);
  const file = Buffer.concat([head, ...parts]);
  nextFields.forEach(([, offset], i) => file.writeUInt32LE(directories[i + 1] ?? 0, offset));
  return file;
}

/** OME-XML of images that all have the same size. */
export function omeXml(images: readonly { name: string; z?: number; c?: number; t?: number }[], more = ''): string {
  const list = images.map(
    ({ name, z = 1, c = 1, t = 1 }, i) =>
      `<Image ID="Image:${i}" Name="${name}"><Pixels ID="Pixels:${i}" DimensionOrder="XYCZT" Type="uint16" SizeX="4" ` +
      `SizeY="3" SizeZ="${z}" SizeC="${c}" SizeT="${t}" PhysicalSizeX="0.5" PhysicalSizeXUnit="µm" PhysicalSizeY="250" ` +
      `PhysicalSizeYUnit="nm"><Channel ID="c"/></Pixels></Image>`,
  );
  return `<?xml version="1.0"?>${more}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">${list.join('')}</OME>`;
}
