import { basePath } from './api.ts';

/** Address of a file of an archive, as the server offers it: whole, as a picture, or as a table. */
export function archiveAddress(
  runId: string,
  what: 'file' | 'preview' | 'source' | 'table' | 'table/points',
  path: string,
  more: Record<string, string | number> = {},
): string {
  const query = new URLSearchParams({ path });
  for (const [name, value] of Object.entries(more)) query.set(name, String(value));
  return `/api/runs/${runId}/${what}?${query.toString()}`;
}

/** The same for what a browser asks for by itself: a picture, a link. */
export function archiveHref(...given: Parameters<typeof archiveAddress>): string {
  return `${basePath}${archiveAddress(...given)}`;
}
