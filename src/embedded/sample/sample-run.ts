import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { v5 as uuidv5 } from 'uuid';
import type { App } from '../../app.ts';
import { bridgeError } from '../../domain/errors.ts';
import { stages } from '../../domain/vocabulary.ts';
import { orderUuid } from '../../orders/order-uuid.ts';
import { placeOrder } from '../../orders/place-order.ts';
import { readOrder } from '../../orders/read-order.ts';
import { launchRun } from '../../runs/launch.ts';
import { readRun } from '../../runs/read-runs.ts';
import { sampleGroup, sampleUser } from '../environment.ts';
import { makeSampleImages } from './images.ts';
import { tiffNames } from './tiff-names.ts';

/** Our namespace for ids that follow from a sample's content. */
const namespace = 'b0b6d9c5-4f3d-4c53-9f5c-6a4fd0f3c9a1';

export interface Sample {
  /** The run of the workflow on the sample; the same for the same sample, so a second start finds the first one's. */
  runId: string;
  /** True number of nuclei per image file, where it is known. */
  truth: Map<string, number> | null;
}

export interface SampleOptions {
  storage: string;
  seed: number;
  /** Folder with the user's own TIFF files instead of made ones. */
  input: string | undefined;
  /** Tells a person what is being done. */
  say(text: string): void;
  signal: AbortSignal;
}

/**
 * Sees to it that the sample dataset exists and the sample workflow runs on it: images on the shared storage, an upload
 * order for them like anybody's, then a launch. Each part is found when it is already there.
 *
 * @throws INPUT_FOLDER_WITHOUT_IMAGES, SAMPLE_IMPORT_FAILED
 */
export async function ensureSample(app: App, options: SampleOptions): Promise<Sample> {
  const key = options.input === undefined ? `seed:${options.seed}` : await contentKey(options.input);
  const runId = uuidv5(`run:${key}`, namespace);
  const shortId = runId.slice(0, 8);
  const folder = join(options.storage, sampleGroup, `sample-${shortId}`);
  const { files, truth } = await imagesIn(folder, options);
  if (await readRun(app.runs, runId)) return { runId, truth };

  const name =
    options.input === undefined
      ? `Sample nuclei (seed ${options.seed})`
      : `Images of ${basename(options.input)} (${shortId})`;
  const datasetId = await app.omero.as(sampleUser, sampleGroup, async (session) => {
    const [there] = await session.findDatasetsByName(name);
    return there?.id ?? (await session.createDataset(name, 'Made by the quick start'));
  });
  options.say(`Importing ${files.length} images into dataset ${datasetId}, "${name}"`);
  const taskId = uuidv5(`import:${key}`, namespace);
  const uuid = orderUuid({ taskId, jobId: 0, destination: { type: 'Dataset', id: datasetId }, part: 1 });
  await placeOrder(app.orders, {
    uuid,
    groupName: sampleGroup,
    userName: sampleUser,
    destinationType: 'Dataset',
    destinationId: datasetId,
    files,
    link: { taskId, runId, archivePath: folder, part: 1, retryOf: null },
  });
  await orderEnd(app, uuid, options.signal);
  await launchRun(
    app.config,
    app.runs,
    app.omero,
    { workflow: 'nuclei', datasetId, userName: sampleUser, groupName: sampleGroup, parameters: {} },
    runId,
  );
  return { runId, truth };
}

/** The sample's images under their final folder name, which appears only when all are there. */
async function imagesIn(
  folder: string,
  options: SampleOptions,
): Promise<{ files: string[]; truth: Map<string, number> | null }> {
  const truthFile = `${folder}.truth.json`;
  const there = await readdir(folder).catch(() => null);
  if (there === null) {
    const building = `${folder}.partial`;
    await mkdir(building, { recursive: true });
    if (options.input === undefined) {
      options.say('Making sample images: fluorescence, 16 bit, nuclei whose number is known');
      const made = await makeSampleImages(building, { seed: options.seed });
      await writeFile(truthFile, JSON.stringify(Object.fromEntries(made.map((m) => [basename(m.path), m.nuclei]))));
    } else {
      for (const name of await tiffNames(options.input))
        await copyFile(join(options.input, name), join(building, name));
    }
    await rename(building, folder);
  }
  const files = (await tiffNames(folder)).map((name) => join(folder, name));
  if (options.input !== undefined) return { files, truth: null };
  const truth = JSON.parse(await readFile(truthFile, 'utf8')) as Record<string, number>;
  return { files, truth: new Map(Object.entries(truth)) };
}

/** Names and contents decide: the same images are the same sample wherever they lie. */
async function contentKey(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of await tiffNames(folder)) {
    const content = createHash('sha256').update(await readFile(join(folder, name)));
    hash.update(`${name}\0${content.digest('hex')}\n`);
  }
  return `input:${hash.digest('hex')}`;
}

async function orderEnd(app: App, uuid: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const order = await readOrder(app.orders, uuid);
    if (order?.stage === stages.completed) return;
    if (order?.stage === stages.failed)
      throw bridgeError('SAMPLE_IMPORT_FAILED', { order: uuid, reason: order.description ?? 'no reason given' });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
