/** Our side of the comparison, as a process of its own: CASE PORT COUNT; prints its figures as JSON. */
import { newObject, reference } from '../../src/omero/model.ts';
import { OmeroLink } from '../../src/omero/link.ts';
import { parameters } from '../../src/omero/queries/project.ts';
import { rstring } from '../../src/omero/rtypes.ts';

const [name = '', port = '', text = ''] = process.argv.slice(2);
const count = Number(text);
const server = { host: '127.0.0.1', port: Number(port), transport: 'tcp', tls: 'verify' } as const;
const link = await OmeroLink.open({ ...server, user: '', password: '', caFile: null, webUrl: null }, 'me', 'secret');
const ask = (): Promise<unknown> => link.call('IConfig', 'getConfigValue', ['omero.data.dir']);
const figures: Record<string, number | number[]> = {};

if (name === 'latency') {
  for (let i = 0; i < 200; i++) await ask();
  const each: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await ask();
    each.push(performance.now() - started);
  }
  figures['each'] = each;
} else if (name === 'in-flight') {
  for (let i = 0; i < 200; i++) await ask();
  const started = performance.now();
  let left = count;
  const line = async (): Promise<void> => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: 64 }, line));
  figures['seconds'] = (performance.now() - started) / 1000;
} else if (name === 'links' || name === 'rows') {
  const work = name === 'links' ? save : read;
  // A service that runs for weeks is measured, not its first second.
  for (let i = 0; i < 3; i++) await work(count / 4);
  const started = performance.now();
  await work(count);
  figures['seconds'] = (performance.now() - started) / 1000;
} else if (name === 'once') {
  await read(count);
}
process.stdout.write(`${JSON.stringify(figures)}\n`);
await link.close();

async function save(many: number): Promise<void> {
  const links = Array.from({ length: many }, (_, i) => {
    const mapValue = Array.from({ length: 10 }, (_none, k) => ({
      $type: '::omero::model::NamedValue',
      name: `key ${k}`,
      value: `value ${k} of image ${i}`,
    }));
    const child = newObject('MapAnnotation', { ns: rstring('biomero.workflow'), mapValue });
    return newObject('ImageAnnotationLink', { parent: reference('Image', i + 1), child });
  });
  const saved = (await link.call('IUpdate', 'saveAndReturnIds', [links])) as number[];
  if (saved.length !== many || saved.some((n) => n !== 10)) throw new Error('not all pairs arrived');
}

async function read(many: number): Promise<void> {
  const rows = (await link.call('IQuery', 'projection', [`rows ${many}`, parameters({})])) as unknown[];
  if (rows.length !== many) throw new Error(`${rows.length} rows`);
}
