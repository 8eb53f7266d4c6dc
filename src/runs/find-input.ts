import { bridgeError } from '../domain/errors.ts';
import type { OmeroAccess } from '../omero/access.ts';
import { omerosOwn } from '../omero/queries/users.ts';
import type { OmeroSession } from '../omero/session.ts';

/** Whoever starts a run, as OMERO knows them. */
export interface Starter {
  readonly name: string;
  /** Null: nobody in OMERO. */
  readonly userId: number | null;
  readonly admin: boolean;
  readonly groups: readonly { readonly id: number; readonly name: string }[];
}

/** A dataset by id, or images by id that lie in one dataset, or some images of a dataset. */
export interface WantedInput {
  dataset: number | null;
  images: readonly number[] | null;
}

export interface FoundInput {
  datasetId: number;
  imageIds: number[] | null;
  /** In whose name and group the run is: the starter's own, or, for an administrator from outside, the dataset owner's. */
  user: string;
  group: string;
}

/**
 * Finds what somebody wants to analyse, with their eyes: what they do not see in OMERO does not exist. The group is the
 * dataset's.
 *
 * @throws DATASET_NOT_SEEN, IMAGES_NOT_TOGETHER, START_NOT_ALLOWED and what signing in may throw
 */
export async function findInput(omero: OmeroAccess, starter: Starter, wanted: WantedInput): Promise<FoundInput> {
  const home = starter.groups.find((group) => !omerosOwn.has(group.name));
  if (starter.userId === null || !home) {
    if (!starter.admin) throw bridgeError('START_NOT_ALLOWED', { user: starter.name });
    return find(omero, await omero.admin(), starter, wanted);
  }
  return omero.as(starter.name, home.name, (session) => find(omero, session, starter, wanted));
}

async function find(
  omero: OmeroAccess,
  session: OmeroSession,
  starter: Starter,
  wanted: WantedInput,
): Promise<FoundInput> {
  const imageIds = wanted.images && [...new Set(wanted.images)].sort((a, b) => a - b);
  const datasetId = wanted.dataset ?? (await commonDataset(session, imageIds ?? []));
  const dataset = await session.findContainer('Dataset', datasetId);
  if (!dataset) throw bridgeError('DATASET_NOT_SEEN', { id: datasetId, user: starter.name });
  const admin = await omero.admin();
  const member = starter.groups.find((g) => g.id === dataset.groupId);
  if (member) return { datasetId, imageIds, user: starter.name, group: member.name };
  const [user, group] = [await admin.userName(dataset.ownerId), await admin.groupName(dataset.groupId)];
  if (!starter.admin || user === null || group === null)
    throw bridgeError('DATASET_NOT_SEEN', { id: datasetId, user: starter.name });
  return { datasetId, imageIds, user, group };
}

/** The dataset that holds all of these images; where several do, the first. */
async function commonDataset(session: OmeroSession, images: readonly number[]): Promise<number> {
  const datasets = await session.datasetsOfImages(images);
  const [first = 0, ...others] = images;
  const common = (datasets.get(first) ?? []).filter((id) => others.every((image) => datasets.get(image)?.includes(id)));
  const [dataset] = common.toSorted((a, b) => a - b);
  if (dataset === undefined) throw bridgeError('IMAGES_NOT_TOGETHER', { images: images.slice(0, 20).join(', ') });
  return dataset;
}
