import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { containerCommands } from '../../src/importer/preprocess/container-command.ts';
import { readPreprocessing } from '../../src/importer/preprocess/conversions.ts';
import {
  containerArguments,
  preprocessingPairs,
  processedFolder,
} from '../../src/importer/preprocess/preprocessing.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { describeWithPart, hasExecutable } from '../support/optional-part.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
const check = `import importlib.util, sqlalchemy, alembic, psycopg2; assert importlib.util.find_spec('biomero_importer')`;
const available = (python.includes('/') || hasExecutable(python)) && spawnSync(python, ['-c', check]).status === 0;

function byPython(script: string, request: unknown): unknown {
  const { status, stdout, stderr } = spawnSync(python, [packageFile('test', 'interop', script)], {
    input: JSON.stringify(request),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

// The orders of OMERO.biomero's two screens, written by BIOMERO.importer's own ledger, and its own command for them.
describeWithPart('Python peers', available, 'preprocessing as OMERO.biomero orders it', () => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'biomero-bridge-orders-'));
    database = await createTestDatabase();
    await ensureImports(database.pool);
  });
  afterAll(async () => {
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    [
      'Leica',
      'Dataset',
      'scan one.lif',
      {
        preprocessing_container: 'cellularimagingcf/convertleica-docker:v1.2.0',
        preprocessing_inputfile: '{Files}',
        preprocessing_outputfolder: '/data',
        preprocessing_altoutputfolder: '/out',
        preprocessing_image_uuid: 'b2f0a3c4-1111-2222-3333-444455556666',
      },
    ],
    [
      'database',
      'Screen',
      'experiment.db',
      {
        preprocessing_container: 'cellularimagingcf/image-db-to-ome:latest',
        preprocessing_inputfile: '{Files}',
        preprocessing_outputfolder: '/data',
        preprocessing_altoutputfolder: '/out',
        preprocessing_saveoption: 'single',
      },
    ],
  ])('%s: the container gets what the Python importer gives it', async (_, type, name, fields) => {
    const file = join(folder, name);
    const order = {
      Group: 'team',
      Username: 'ada',
      UUID: randomUUID(),
      DestinationID: '7',
      DestinationType: type,
      Files: [file],
      FileNames: [],
      ...fields,
    };
    const url = database.url.replace(/^postgres(?:ql)?:/, 'postgresql+psycopg2:').replaceAll('%2F', '/');
    byPython('importer_peer.py', { url, migrate: true, log: [[order, 'Import Pending']], read: [] });
    const { rows } = await database.pool.query('select * from imports where uuid = $1', [order.UUID]);
    const work = await readPreprocessing(database.pool, order.UUID, Number(rows[0]?.['preprocessing_id']));

    const [theirs = []] = byPython('preprocessing_peer.py', { order, files: [file] }) as string[][];
    const image = theirs.findIndex((part) => part.startsWith('docker.io/'));
    expect(theirs[image]).toBe(work.image);
    expect(containerArguments(work, basename(file))).toEqual(theirs.slice(image + 1));

    const settings = {
      command: ['podman'],
      network: 'none',
      memory: '8g',
      seconds: 60,
      images: [],
      scratch: null,
      keepId: false,
    };
    const mounts = [
      { from: dirname(file), to: work.outputFolder, writable: false },
      { from: join(folder, '.processed'), to: processedFolder(work), writable: true },
      { from: '/scratch', to: work.altOutputFolder, writable: true },
    ];
    const { run } = containerCommands(settings, { name: 'x', image: work.image, mounts, args: [] });
    const places = (argv: readonly string[]): string[] =>
      argv.flatMap((part, at) => (argv[at - 1] === '-v' ? [part.replace(/:ro$/, '').replace(/^.*:/, '')] : []));
    const extra = places(run).filter((place) => !places(theirs).includes(place));
    expect(extra, 'of the same places, the one for results by itself').toEqual(['/data/.processed']);
    expect(places(theirs).every((place) => places(run).includes(place))).toBe(true);

    const expected = Object.fromEntries(preprocessingPairs(work).filter(([key]) => key !== 'preprocessing_id'));
    expect(expected).toEqual(fields);
  });
});
