import { basename } from 'node:path';
import { isBridgeError } from '../domain/errors.ts';
import { LabelReader } from '../labels/label-reader.ts';
import type { NewRoi } from '../omero/queries/rois.ts';
import type { OmeroSession } from '../omero/session.ts';
import type { ArchivedImage } from '../runs/archived-images.ts';
import type { RoiWish } from '../runs/delivery.ts';
import type { Run } from '../runs/run.ts';
import { becauseOf } from './not-done.ts';
import { labelImagesAmong, type LabelImage } from './label-images.ts';

/** Ids that OMERO is asked to delete at once. */
const deletedPerCall = 500;
/** OMERO takes no shapes beyond this in a ROI of ours; see `createRois`. */
const mostShapes = 500;

interface RoiParts {
  /** Folder of the archive, or of what was fetched. */
  folder: string;
  images: readonly ArchivedImage[];
  /** Input images that BIOMERO's log names. */
  loggedSources: readonly number[];
  signal: AbortSignal;
}

/**
 * Makes one ROI for each label of the label images among the results, on the images that they were made from. A ROI of
 * the same name and description stands already and is left, so a repeat adds nothing. What cannot be done is told, each a
 * sentence; only what is worth another try is thrown.
 */
export async function makeRois(
  session: OmeroSession,
  run: Run,
  wish: RoiWish,
  parts: RoiParts,
): Promise<{ rois: number; notDone: string[] }> {
  const asked = wish.sources.length ? wish.sources : parts.loggedSources;
  const sources = (await session.imageNames(asked)).filter((i) => i.groupId === session.context.groupId);
  const { found, passedOver } = labelImagesAmong(
    parts.images.map((image) => image.path),
    sources,
    wish.pattern,
  );
  if (!sources.length) return { rois: 0, notDone: ['No ROIs were made: no image of the group is known as an input.'] };
  const notDone = [...passedOver];
  const sizes = await session.imageSizes(found.map((image) => image.source.id));
  const reader = new LabelReader();
  const tryTo = async (problem: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (parts.signal.aborted || (isBridgeError(error) && error.retryable)) throw error;
      notDone.push(becauseOf(problem, error));
    }
  };
  const done = new Set<number>();
  let rois = 0;
  try {
    for (const image of found) {
      const name = basename(image.path);
      const size = sizes.get(image.source.id);
      if (!size) {
        notDone.push(`${name} became no ROIs: the size of image ${image.source.id} is not known.`);
        continue;
      }
      const request = { root: parts.folder, path: image.path, shape: wish.shape, size };
      const answer = await reader.read(request, parts.signal);
      if ('reason' in answer) {
        notDone.push(`${name} became no ROIs: ${answer.reason}.`);
        continue;
      }
      if (!answer.areas.length) notDone.push(`${name} became no ROIs: it has no label.`);
      const areas = answer.areas.filter((area) => area.shapes.length <= mostShapes);
      const left = answer.areas.length - areas.length;
      if (left)
        notDone.push(`${name}: ${left} labels became no ROIs, as they have more than ${mostShapes} pieces each.`);
      const wanted = areas.map(({ label, shapes }): NewRoi => {
        const own = `${wish.prefix}${label}`;
        return {
          imageId: image.source.id,
          name: own,
          description: descriptionOf(run, image),
          ...(wish.color === null ? {} : { color: wish.color }),
          shapes: shapes.map((shape) => ({ ...shape, label: own })),
        };
      });
      await tryTo(`${name} became no ROIs, or not all`, async () => {
        await addMissing(session, image.source.id, wanted);
        done.add(image.source.id);
      });
      rois += await countOf(session, image.source.id, descriptionOf(run, image));
    }
  } finally {
    reader.close();
  }
  const { clear } = wish;
  // Last: where no ROIs could be made the old ones stay.
  if (clear)
    for (const id of done)
      await tryTo(`Older ROIs of image ${id} were not removed`, async () => {
        parts.signal.throwIfAborted();
        const others = await removeOlder(session, run, id, clear.containing);
        if (others) notDone.push(`${others} older ROIs of image ${id} are other people's, and were left.`);
      });
  return { rois, notDone };
}

/** Tells ROIs of this run, and of this label image, from all others. */
function descriptionOf(run: Run, { path }: LabelImage): string {
  return `Label of ${path.replace(/^[^/]+_out\/data\/out\//, '')} ${endOf(run)}`;
}

function endOf(run: Run): string {
  return `from SLURM job ${run.job?.id} (Workflow ${run.workflowId})`;
}

async function addMissing(session: OmeroSession, imageId: number, wanted: readonly NewRoi[]): Promise<void> {
  const there = new Set((await session.roiNames([imageId])).map((roi) => JSON.stringify([roi.name, roi.description])));
  await session.createRois(wanted.filter((roi) => !there.has(JSON.stringify([roi.name, roi.description]))));
}

async function countOf(session: OmeroSession, imageId: number, description: string): Promise<number> {
  return (await session.roiNames([imageId])).filter((roi) => roi.description === description).length;
}

/** Removes the user's ROIs that are not of this run; gives the number of those of other people that would have gone too. */
async function removeOlder(session: OmeroSession, run: Run, imageId: number, containing: string): Promise<number> {
  const older = (await session.roiNames([imageId])).filter(
    (roi) => roi.name.includes(containing) && !roi.description.endsWith(endOf(run)),
  );
  const mine = older.filter((roi) => roi.ownerId === session.context.userId).map((roi) => roi.id);
  for (let at = 0; at < mine.length; at += deletedPerCall)
    await session.deleteObjects('Roi', mine.slice(at, at + deletedPerCall));
  return older.length - mine.length;
}
