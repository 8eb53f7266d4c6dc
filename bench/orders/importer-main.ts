/** Our importer as a process of its own, with OMERO replaced: `importer-main OPTIONS`, as JSON. Prints its counts at the end. */
import { pino } from 'pino';
import type { Config } from '../../src/config/config.ts';
import { runImporter } from '../../src/importer/importer.ts';
import { openPool } from '../../src/lib/database.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { StubOmero } from './stub-omero.ts';

const { databaseUrl, storage, maxWorkers, costs } = JSON.parse(process.argv[2] ?? '') as {
  databaseUrl: string;
  storage: string;
  maxWorkers: number;
  costs: { file: number; process: number };
};
const config = {
  storage: { baseDir: storage, mappingFiles: [] },
  importer: {
    maxWorkers,
    strictFolders: false,
    stallSeconds: 600,
    annotationNamespace: 'biomero.import',
    registerZarr: true,
    containers: null,
    logDir: storage,
    skip: ['all'],
    command: [],
    memory: '1g',
    runAs: null,
    parallelUpload: null,
    parallelFilesets: null,
  },
  omero: {},
} as unknown as Config;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const omero = new StubOmero(costs);
const pool = openPool(databaseUrl, { max: 12 });
await ensureImports(pool);
await runImporter({
  config,
  pool,
  databaseUrl,
  log: pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true })),
  signal: stop.signal,
  name: `bench ${process.pid}`,
  omero,
  importFiles: omero.importFiles,
});
await pool.end();
process.stdout.write(JSON.stringify(omero.counts));
process.exit(0);
