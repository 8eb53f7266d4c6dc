import { UnreadableImage } from './tiff-pages.ts';

/** One Image element of OME-XML, as far as an import needs it. */
export interface OmeImage {
  readonly name: string | null;
  readonly type: string;
  readonly dimensionOrder: string;
  readonly size: Readonly<Record<'X' | 'Y' | 'Z' | 'C' | 'T', number>>;
  readonly physicalSize: Readonly<Partial<Record<'X' | 'Y' | 'Z', { value: number; unit: string }>>>;
  /** Directory of the first plane where the file says so. */
  readonly firstDirectory: number | null;
}

const maxLength = 32 << 20;
const maxImages = 10_000;
const maxAttributes = 200;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads the images of OME-XML from its start tags, in one pass from left to right: hostile text costs no more than its
 * length. Document types (and with them entities) are refused. An image spread over several files is refused as well.
 */
export function parseOmeXml(xml: string): OmeImage[] {
  if (xml.length > maxLength) throw new UnreadableImage('its OME-XML is too long');
  const images: OmeImage[] = [];
  const files = new Set<string>();
  let name: string | null = null;
  let current: (OmeImage & { firstDirectory: number | null }) | null = null;
  for (const tag of startTags(xml)) {
    if (tag.name === 'Image') name = tag.attributes.get('Name') ?? null;
    else if (tag.name === 'Pixels') {
      if (images.length >= maxImages) throw new UnreadableImage(`its OME-XML has more than ${maxImages} images`);
      current = pixelsOf(name, tag.attributes);
      images.push(current);
    } else if (tag.name === 'TiffData' && current && current.firstDirectory === null)
      current.firstDirectory = count(tag.attributes.get('IFD') ?? '0', 0);
    else if (tag.name === 'UUID') files.add(tag.attributes.get('FileName') ?? '');
  }
  if (files.size > 1) throw new UnreadableImage('it is one of several files of an OME-TIFF, which are not read here');
  if (images.length === 0) throw new UnreadableImage('its OME-XML describes no image');
  return images;
}

function pixelsOf(name: string | null, attributes: ReadonlyMap<string, string>): OmeImage {
  const size = (axis: string): number => count(attributes.get(`Size${axis}`) ?? '', 1);
  const physicalSize: Partial<Record<'X' | 'Y' | 'Z', { value: number; unit: string }>> = {};
  for (const axis of ['X', 'Y', 'Z'] as const) {
    const text = attributes.get(`PhysicalSize${axis}`);
    const value = Number(text);
    if (text !== undefined && Number.isFinite(value) && value > 0)
      physicalSize[axis] = { value, unit: attributes.get(`PhysicalSize${axis}Unit`) ?? 'µm' };
  }
  const dimensionOrder = attributes.get('DimensionOrder') ?? '';
  if (!/^XY(ZCT|ZTC|CZT|CTZ|TZC|TCZ)$/.test(dimensionOrder))
    throw new UnreadableImage('its OME-XML has no valid DimensionOrder');
  return {
    name,
    type: attributes.get('Type') ?? '',
    dimensionOrder,
    size: { X: size('X'), Y: size('Y'), Z: size('Z'), C: size('C'), T: size('T') },
    physicalSize,
    firstDirectory: null,
  };
}

function count(text: string, least: number): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < least) throw new UnreadableImage('its OME-XML has a number that is none');
  return value;
}

interface Tag {
  /** Without a namespace prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

function* startTags(xml: string): Generator<Tag> {
  for (let at = xml.indexOf('<'); at >= 0; at = xml.indexOf('<', at)) {
    if (xml.startsWith('<!--', at)) at = after(xml, '-->', at);
    else if (xml.startsWith('<![CDATA[', at)) at = after(xml, ']]>', at);
    else if (xml.startsWith('<!', at)) throw new UnreadableImage('its OME-XML has a document type, which is refused');
    else if (xml.startsWith('<?', at)) at = after(xml, '?>', at);
    else if (xml.startsWith('</', at)) at = after(xml, '>', at);
    else {
      const scanner = new TagScanner(xml, at + 1);
      yield scanner.tag();
      at = scanner.at;
    }
  }
}

function after(xml: string, end: string, from: number): number {
  const at = xml.indexOf(end, from);
  if (at < 0) throw new UnreadableImage('its OME-XML ends in the middle');
  return at + end.length;
}

class TagScanner {
  at: number;
  readonly #xml: string;

  constructor(xml: string, at: number) {
    this.#xml = xml;
    this.at = at;
  }

  tag(): Tag {
    const name = this.#name();
    const attributes = new Map<string, string>();
    for (;;) {
      this.#skipBlanks();
      const c = this.#xml.charAt(this.at);
      if (c === '/') this.at++;
      else if (c === '>') {
        this.at++;
        return { name, attributes };
      } else {
        const attribute = this.#name();
        this.#expect('=');
        if (attributes.size >= maxAttributes) throw new UnreadableImage('its OME-XML has too many attributes');
        attributes.set(attribute, this.#quoted());
      }
    }
  }

  #name(): string {
    const start = this.at;
    while (this.at < this.#xml.length && !/[\s=/><"']/.test(this.#xml.charAt(this.at))) this.at++;
    if (this.at === start || this.at - start > 500) throw new UnreadableImage('its OME-XML is not well-formed');
    const name = this.#xml.slice(start, this.at);
    return name.slice(name.indexOf(':') + 1);
  }

  #expect(c: string): void {
    this.#skipBlanks();
    if (this.#xml.charAt(this.at) !== c) throw new UnreadableImage('its OME-XML is not well-formed');
    this.at++;
    this.#skipBlanks();
  }

  #quoted(): string {
    const quote = this.#xml.charAt(this.at);
    const end = quote === '"' || quote === "'" ? this.#xml.indexOf(quote, this.at + 1) : -1;
    if (end < 0) throw new UnreadableImage('its OME-XML is not well-formed');
    const text = this.#xml.slice(this.at + 1, end);
    this.at = end + 1;
    return text.replace(/&(#x?[0-9a-fA-F]{1,6}|[a-z]{1,4});/g, (whole, entity: string) => {
      if (!entity.startsWith('#')) return entities[entity] ?? whole;
      const code = entity.startsWith('#x') ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
    });
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#xml.charAt(this.at)) && this.at < this.#xml.length) this.at++;
  }
}
