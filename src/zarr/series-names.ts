/** Names of the images in an OME-XML, in order; of an image without a name, empty. Nothing else in it is looked at. */
export function imageNames(xml: string | null): string[] {
  if (xml === null) return [];
  // Neither entities nor includes are resolved: of an `Image` element only its own attribute is read.
  return [...xml.matchAll(/<(?:\w+:)?Image\s([^<>]*)>/g)].map(([, attributes = '']) => {
    const name = /(?:^|\s)Name\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(attributes);
    return plain(name?.[1] ?? name?.[2] ?? '');
  });
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function plain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? '').trim();
}
