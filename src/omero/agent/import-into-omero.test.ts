import { chmod, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import type { OmeroConfig } from '../../config/config.ts';
import { omeXml, tiff } from '../../embedded/omero/import/tiff-for-tests.ts';
import { importUser, startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import { clientPathOf } from '../client-path.ts';
import { OmeroSession } from '../session.ts';
import { runImport, type ImportRun } from './run-import.ts';

// The import process and the gateway together, against the quick start's OMERO.
let omero: TestOmero;
let config: OmeroConfig;
let admin: OmeroSession;

beforeAll(async () => {
  omero = await startTestOmero();
  const account = { user: 'bridge', password: 'bridge-secret', caFile: null, webUrl: null } as const;
  config = { host: '127.0.0.1', port: omero.port, transport: 'tcp', tls: 'verify', ...account };
  admin = await OmeroSession.signIn(config);
});
afterAll(async () => {
  await admin?.close();
  await omero?.drop();
});

async function alice(): Promise<OmeroSession> {
  const session = await admin.sudo('alice', 'annotate');
  onTestFinished(() => session.close());
  return session;
}

async function sources(): Promise<{ folder: string; file: (name: string, bytes?: Buffer) => Promise<string> }> {
  const folder = await temporaryFolder('sources');
  await chmod(folder, 0o755);
  const file = async (name: string, bytes = tiff([{ width: 4, height: 3 }])): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes, { mode: 0o644 });
    return path;
  };
  return { folder, file };
}

function importInto(
  session: OmeroSession,
  datasetId: number,
  paths: string[],
  more: Partial<ImportRun> & { folder: string },
) {
  const { folder, ...rest } = more;
  return runImport({
    command: omero.importCommand,
    omero: config,
    sessionKey: session.key,
    destination: { type: 'Dataset', id: datasetId },
    paths,
    skip: ['all'],
    parallelUpload: null,
    parallelFilesets: null,
    logPath: join(folder, 'import.log'),
    runAs: importUser,
    signal: new AbortController().signal,
    ...rest,
  });
}

test('what was imported has thumbnails, of the size asked for, for whoever may see it', async () => {
  const session = await alice();
  const { folder, file } = await sources();
  const wide = await file('wide.tif', tiff([{ width: 400, height: 100 }]));
  const outcome = await importInto(session, await session.createDataset('thumbnails', ''), [wide], { folder });
  const [imageId = 0] = outcome.filesets[0]?.imageIds ?? [];
  const pictures = await session.thumbnails([imageId, 987_654_321], 96);
  expect([...pictures.keys()]).toEqual([imageId]);
  const { mediaType, bytes } = pictures.get(imageId) ?? {};
  expect(mediaType).toBe('image/png');
  expect(decode(bytes ?? new Uint8Array())).toMatchObject({ width: 96, height: 24 });
  // The account of the service is in no group of hers, and an administrator: asked for in the image's own group.
  expect((await admin.thumbnails([imageId], 32)).size).toBe(1);
});

test('imports in place, and the gateway finds everything by path, fileset, image and dataset', async () => {
  const session = await alice();
  const dataset = await session.createDataset('results', '');
  const { folder, file } = await sources();
  const plain = await file('a µ: (1).tif');
  const series = await file(
    'two series.ome.tif',
    tiff([
      { width: 4, height: 3, description: omeXml([{ name: 'first' }, { name: 'second' }]) },
      { width: 4, height: 3 },
    ]),
  );
  const broken = await file('broken.tif', Buffer.from('no image at all'));
  const missing = join(folder, 'missing.tif');
  const blank = join(folder, 'blank.tif ');
  const progress: (string | null)[] = [];
  const outcome = await importInto(session, dataset, [plain, broken, series, missing, blank], {
    folder,
    onProgress: (f) => progress.push(f.file),
  });

  expect(progress).toEqual([plain, series]);
  expect(outcome.killed).toBeNull();
  expect(outcome.errors.map((e) => e.file).toSorted()).toEqual([blank, broken, missing].toSorted());
  for (const { reason } of outcome.errors) expect(reason.length).toBeGreaterThan(10);
  const [first, second] = outcome.filesets;
  expect(first).toMatchObject({ file: plain, imageIds: [expect.any(Number)] });
  expect(second?.imageIds).toHaveLength(2);
  expect(await readFile(join(folder, 'import.log'), 'utf8')).not.toContain(session.key);

  const found = await admin.filesetsByClientPath([plain, series, missing, plain.slice(0, -1)]);
  expect(found).toEqual([
    {
      filesetId: first?.filesetId,
      clientPath: clientPathOf(plain),
      imageIds: first?.imageIds,
      plateIds: [],
      datasetIds: [dataset],
    },
    {
      filesetId: second?.filesetId,
      clientPath: clientPathOf(series),
      imageIds: second?.imageIds,
      plateIds: [],
      datasetIds: [dataset],
    },
  ]);
  const filesetIds = outcome.filesets.map((f) => f.filesetId);
  expect(await session.filesetContents([...filesetIds, 987_654_321])).toEqual(
    outcome.filesets.map((f) => ({
      filesetId: f.filesetId,
      clientPaths: [clientPathOf(f.file ?? '')],
      imageIds: f.imageIds,
      plateIds: [],
    })),
  );
  expect(await session.unfinishedImportJobs(filesetIds)).toEqual([]);

  const imageIds = outcome.filesets.flatMap((f) => f.imageIds);
  const images = await session.imagesIn(dataset);
  expect(images.map((i) => i.id)).toEqual(imageIds.toSorted((a, b) => a - b));
  expect(images.map((i) => i.filesetId)).toEqual([first?.filesetId, second?.filesetId, second?.filesetId]);
  const stored = await session.storedFilesOf(first?.imageIds ?? []);
  expect(stored).toMatchObject([{ imageId: first?.imageIds[0], clientPath: clientPathOf(plain) }]);
  const link = join(await session.managedRepositoryPath(), stored[0]?.path ?? '', stored[0]?.name ?? '');
  expect(await readlink(link)).toBe(plain);

  const targets = imageIds.map((id) => ({ type: 'Image' as const, id }));
  await session.annotate(targets, 'biomero.import', [['Source', 'slurm']]);
  await session.annotate(targets, 'biomero.import', [['Source', 'slurm']]);
  expect(await session.mapAnnotations('Image', imageIds, 'biomero.import')).toHaveLength(3);
});

test('a second import of a file is a second fileset, and each is found', async () => {
  const session = await alice();
  const { folder, file } = await sources();
  const path = await file('twice.tif');
  const datasets = [await session.createDataset('one', ''), await session.createDataset('two', '')];
  for (const id of datasets) await importInto(session, id, [path], { folder });
  const found = await admin.filesetsByClientPath([path]);
  expect(found.map((f) => f.datasetIds)).toEqual(datasets.map((id) => [id]));
});

test('a symbolic link is imported under the path that was given', async () => {
  const session = await alice();
  const { folder, file } = await sources();
  const link = join(folder, 'link.tif');
  await symlink(await file('target.tif'), link);
  const outcome = await importInto(session, await session.createDataset('links', ''), [link], { folder });
  expect(outcome.filesets.map((f) => f.file)).toEqual([link]);
});

test('with a session that ended, and into a dataset that is gone, nothing is imported', async () => {
  const session = await alice();
  const { folder, file } = await sources();
  const path = await file('late.tif');
  const gone = await importInto(session, 987_654_321, [path], { folder });
  expect(gone).toMatchObject({ filesets: [] });
  expect(gone.exitCode).not.toBe(0);
  const dataset = await session.createDataset('late', '');
  await admin.closeSession(session.context.sessionId);
  const ended = await importInto(session, dataset, [path], { folder });
  expect(ended).toMatchObject({ filesets: [] });
  expect(ended.exitCode).not.toBe(0);
  expect(await admin.filesetsByClientPath([path])).toEqual([]);
});

test('closing the session in the middle stops the import, and what is there is found', async () => {
  const session = await alice();
  const dataset = await session.createDataset('cut short', '');
  const { folder, file } = await sources();
  const paths = await Promise.all(Array.from({ length: 40 }, (_, i) => file(`${i}.tif`)));
  const closing: Promise<unknown>[] = [];
  const outcome = await importInto(session, dataset, paths, {
    folder,
    onProgress: () => {
      if (closing.length === 0) closing.push(admin.closeSession(session.context.sessionId));
    },
  });
  expect(await Promise.all(closing)).toEqual(['closed']);
  expect(session.lost.aborted || (await session.keepAlive().catch((e: unknown) => e)) !== undefined).toBe(true);
  const withImages = (await admin.filesetsByClientPath(paths)).filter((f) => f.imageIds.length > 0);
  expect(withImages.length).toBeGreaterThanOrEqual(outcome.filesets.length);
  expect(withImages.length).toBeLessThan(40);
});
