import { deflateSync } from 'node:zlib';

/** One grey plane with what is known about it. */
export interface OmeImage {
  width: number;
  height: number;
  /** Row by row; the type of the array is the type of the pixels. */
  pixels: Uint8Array | Uint16Array;
  /** Shown by OMERO as the image's name. */
  name: string;
  channel: string;
  /** Size of a pixel in micrometres; null when nobody knows. */
  pixelSize: { x: number; y: number } | null;
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const stripBytes = 64 * 1024;
const short = 3;
const long = 4;
const ascii = 2;

/**
 * A little-endian OME-TIFF of one plane in deflated strips, with OME-XML 2016-06 in its description. The same image
 * gives the same bytes.
 *
 * @throws RangeError when the pixels do not fill the plane or the file would pass TIFF's 4 GiB
 */
export function encodeOmeTiff(image: OmeImage): Buffer {
  const { width, height, pixels } = image;
  if (width < 1 || height < 1 || pixels.length !== width * height)
    throw new RangeError(`${pixels.length} pixels do not fill ${width} x ${height}`);
  const depth = pixels.BYTES_PER_ELEMENT;
  const bytes = leBytes(pixels);
  const rows = Math.max(1, Math.min(height, Math.floor(stripBytes / (width * depth))));
  const strips: Buffer[] = [];
  for (let y = 0; y < height; y += rows)
    strips.push(deflateSync(bytes.subarray(y * width * depth, Math.min(height, y + rows) * width * depth)));

  const description = Buffer.from(`${omeXml(image)}\0`, 'ascii');
  // Header, description, strips (each on an even offset as TIFF wants), strip tables, directory.
  let end = even(8 + description.length);
  const offsets = strips.map((strip) => {
    const at = end;
    end = even(end + strip.length);
    return at;
  });
  const tablesAt = end;
  const single = strips.length === 1;
  const directoryAt = tablesAt + (single ? 0 : strips.length * 8);
  if (directoryAt > 0xffff_0000) throw new RangeError('the image is larger than a TIFF file can be');

  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, long, 1, width],
    [257, long, 1, height],
    [258, short, 1, depth * 8],
    [259, short, 1, 8], // deflate
    [262, short, 1, 1], // black is zero
    [270, ascii, description.length, 8],
    [273, long, strips.length, single ? (offsets[0] ?? 0) : tablesAt],
    [277, short, 1, 1],
    [278, long, 1, rows],
    [279, long, strips.length, single ? (strips[0]?.length ?? 0) : tablesAt + strips.length * 4],
    [339, short, 1, 1], // unsigned
  ];
  const file = Buffer.alloc(directoryAt + 2 + entries.length * 12 + 4);
  file.write('II', 'ascii');
  file.writeUInt16LE(42, 2);
  file.writeUInt32LE(directoryAt, 4);
  description.copy(file, 8);
  strips.forEach((strip, i) => {
    strip.copy(file, offsets[i]);
    if (single) return;
    file.writeUInt32LE(offsets[i] ?? 0, tablesAt + i * 4);
    file.writeUInt32LE(strip.length, tablesAt + (strips.length + i) * 4);
  });
  file.writeUInt16LE(entries.length, directoryAt);
  entries.forEach(([tag, type, count, value], i) => {
    const at = directoryAt + 2 + i * 12;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    if (type === short) file.writeUInt16LE(value, at + 8);
    else file.writeUInt32LE(value, at + 8);
  });
  return file;
}

function omeXml(image: OmeImage): string {
  const type = image.pixels.BYTES_PER_ELEMENT === 1 ? 'uint8' : 'uint16';
  const size = image.pixelSize
    ? ` PhysicalSizeX="${image.pixelSize.x}" PhysicalSizeY="${image.pixelSize.y}"` // micrometres unless said otherwise
    : '';
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"',
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
    ' xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06',
    ' http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd">',
    `<Image ID="Image:0" Name="${attribute(image.name)}">`,
    `<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="${type}" BigEndian="false" Interleaved="false"`,
    ` SizeX="${image.width}" SizeY="${image.height}" SizeZ="1" SizeC="1" SizeT="1"${size}>`,
    `<Channel ID="Channel:0:0" Name="${attribute(image.channel)}" SamplesPerPixel="1"/>`,
    '<TiffData IFD="0" PlaneCount="1"/>',
    '</Pixels></Image></OME>',
  ].join('');
}

/** Text as an XML attribute in pure ASCII; characters that XML cannot hold become U+FFFD. */
function attribute(text: string): string {
  let out = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const lone = code >= 0xd800 && code <= 0xdfff;
    const control = (code < 0x20 && code !== 9 && code !== 10 && code !== 13) || code === 0xfffe || code === 0xffff;
    if (lone || control) out += '&#xFFFD;';
    else if (code < 0x20 || code > 0x7e || '<>&"\''.includes(character))
      out += `&#x${code.toString(16).toUpperCase()};`;
    else out += character;
  }
  return out;
}

function leBytes(pixels: Uint8Array | Uint16Array): Buffer {
  const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return littleEndian || pixels.BYTES_PER_ELEMENT === 1 ? bytes : Buffer.from(bytes).swap16();
}

function even(n: number): number {
  return n + (n & 1);
}
