import { Readable } from 'node:stream';
import type { Context } from 'hono';
import { openArchived } from '../../archive/open-below.ts';
import { bridgeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import type { PreviewAnswer, PreviewMaker } from '../../previews/preview-maker.ts';
import { findArchivedFile, type ArchivedFile } from '../../runs/archived-file.ts';
import type { Run } from '../../runs/run.ts';
import type { SourceImages } from '../../runs/source-images.ts';
import type { Route } from '../route.ts';
import { Table } from '../table.ts';
import {
  fileQuery,
  pointsQuery,
  previewQuery,
  previewSizes,
  tablePage,
  tablePoints,
  tableQuery,
} from '../schemas/files.ts';

/** What people look at of an archive: files as they are, previews of images, pages of tables. */
export function fileRoutes({
  runs,
  previews,
  sources,
}: {
  runs: Pool;
  previews: PreviewMaker;
  sources: SourceImages;
}): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/runs/:id/file',
      rule: 'see-run',
      shared: true,
      api: { summary: 'A file of the archive, as a download.', query: fileQuery, answer: 'application/octet-stream' },
      handle: async ({ c, run }) => {
        const found = await fileOf(runs, run, c);
        if (found.bytes === null) throw bridgeError('FILE_NOT_FOUND', {});
        const file = await openArchived(found.root, found.path);
        // Whatever the file holds, a browser saves it and neither shows nor runs it.
        c.header('content-type', 'application/octet-stream');
        c.header('content-disposition', attachment(found.path));
        c.header('content-length', String((await file.stat()).size));
        return c.body(Readable.toWeb(file.createReadStream()) as ReadableStream<Uint8Array>);
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/preview',
      rule: 'see-run',
      shared: true,
      api: {
        summary:
          'A picture of a TIFF, PNG or OME-Zarr, with its size and values as JSON in the header `X-Image`; 422 with the reason when there is none.',
        query: previewQuery,
        answer: 'image/png',
      },
      handle: async ({ c, run }) => {
        const found = await fileOf(runs, run, c);
        const answer = await previews.preview({ ...found, size: sizeOf(c) }, found.identity);
        // The archive never changes, and neither does the address of one of its images.
        return pictureOf(c, answer, 86_400);
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/source',
      rule: 'see-run',
      shared: true,
      api: {
        summary:
          'A picture of the input image that a result is named after; 422 where its file cannot be read from here.',
        query: previewQuery,
        answer: 'image/png',
      },
      handle: async ({ c, run }) => {
        const found = await fileOf(runs, run, c);
        const source = await sources.find(run, found.path);
        if ('reason' in source) throw bridgeError('NO_PREVIEW', { reason: source.reason });
        return pictureOf(c, await previews.preview({ ...source, size: sizeOf(c) }, source.identity), 600);
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/table',
      rule: 'see-run',
      shared: true,
      api: { summary: '100 rows of a table, and its columns.', query: tableQuery, answer: tablePage },
      handle: async ({ c, run }) => {
        const table = await tableOf(runs, run, c);
        const from = numberOf(c, 'from') ?? 0;
        const column = numberOf(c, 'sort');
        const sort = column === null ? null : { column, descending: c.req.query('order') === 'descending' };
        return c.json(table.page(from, sort));
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/table/points',
      rule: 'see-run',
      shared: true,
      api: {
        summary: 'Values of one or two numeric columns, at most 5,000 rows evenly spread.',
        query: pointsQuery,
        answer: tablePoints,
      },
      handle: async ({ c, run }) => {
        const table = await tableOf(runs, run, c);
        const columns = [numberOf(c, 'x') ?? 0, numberOf(c, 'y')].filter((n) => n !== null);
        return c.json(table.points(columns));
      },
    },
  ];
}

function sizeOf(c: Context): number {
  return previewSizes.find((s) => String(s) === c.req.query('size')) ?? 320;
}

function pictureOf(c: Context, answer: PreviewAnswer, seconds: number): Response {
  // A decoder's own sentence may bring its full stop.
  if ('reason' in answer) throw bridgeError('NO_PREVIEW', { reason: answer.reason.replace(/\.$/, '') });
  c.header('content-type', 'image/png');
  c.header('cache-control', `private, max-age=${seconds}`);
  const { png, ...about } = answer;
  c.header('x-image', JSON.stringify(about));
  return c.body(new Uint8Array(png));
}

async function fileOf(runs: Pool, run: Run, c: Context): Promise<ArchivedFile> {
  const found = await findArchivedFile(runs, run.taskId, c.req.query('path') ?? '');
  if (!found) throw bridgeError('FILE_NOT_FOUND', {});
  return found;
}

async function tableOf(runs: Pool, run: Run, c: Context): Promise<Table> {
  const found = await fileOf(runs, run, c);
  if (found.kind !== 'table') throw bridgeError('FILE_NOT_FOUND', {});
  return Table.read(found.root, found.path);
}

function numberOf(c: Context, name: string): number | null {
  const text = c.req.query(name);
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) throw bridgeError('REQUEST_INVALID', { reason: `${name} is not a whole number` });
  return Number(text);
}

/** The name in both forms of RFC 6266; whatever is not plain goes into the encoded one alone. */
function attachment(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const plain = name.replace(/[^\w.\- ]/g, '_');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (ch) => `%${ch.charCodeAt(0).toString(16)}`)}`;
}
