import type { OmeroLink } from '../link.ts';
import { newObject, reference } from '../model.ts';
import { rstring, unwrap } from '../rtypes.ts';
import type { IceObject } from '../ice/values.ts';
import { numberAt, project, projectEach, textAt } from './project.ts';

export type ContainerType = 'Dataset' | 'Screen' | 'Project' | 'Plate';
/** Containers that clients make; a plate is made by importing one, with its wells. */
export type CreatedContainer = Exclude<ContainerType, 'Plate'>;

const containerQueries: Readonly<Record<ContainerType, string>> = {
  Dataset: 'select c.id, c.name, c.details.group.id, c.details.owner.id from Dataset c where c.id = :id',
  Screen: 'select c.id, c.name, c.details.group.id, c.details.owner.id from Screen c where c.id = :id',
  Project: 'select c.id, c.name, c.details.group.id, c.details.owner.id from Project c where c.id = :id',
  Plate: 'select c.id, c.name, c.details.group.id, c.details.owner.id from Plate c where c.id = :id',
};

/** A container that the session's user can see in any group, or null. */
export async function findContainer(
  link: OmeroLink,
  type: ContainerType,
  id: number,
): Promise<{ id: number; name: string; groupId: number; ownerId: number } | null> {
  const [row] = await project(link, containerQueries[type], { id });
  return row
    ? { id: numberAt(row, 0), name: textAt(row, 1), groupId: numberAt(row, 2), ownerId: numberAt(row, 3) }
    : null;
}

const byName: Readonly<Record<CreatedContainer, string>> = {
  Project: 'select c.id, c.name, c.details.owner.id from Project c where c.name = :name order by c.id',
  Dataset: 'select c.id, c.name, c.details.owner.id from Dataset c where c.name = :name order by c.id',
  Screen: 'select c.id, c.name, c.details.owner.id from Screen c where c.name = :name order by c.id',
};

/** What is linked into what, and by which class. */
const links = {
  Project: { link: 'ProjectDatasetLink', child: 'Dataset' },
  Dataset: { link: 'DatasetImageLink', child: 'Image' },
  Screen: { link: 'ScreenPlateLink', child: 'Plate' },
} as const;
const childrenOf: Readonly<Record<CreatedContainer, string>> = {
  Project: 'select l.child.id from ProjectDatasetLink l where l.parent.id = :parent and l.child.id in (:ids)',
  Dataset: 'select l.child.id from DatasetImageLink l where l.parent.id = :parent and l.child.id in (:ids)',
  Screen: 'select l.child.id from ScreenPlateLink l where l.parent.id = :parent and l.child.id in (:ids)',
};
const linksPerCall = 200;

/** Containers of a group with exactly this name, the user's own first, then by id. */
export async function findContainersByName(
  link: OmeroLink,
  type: CreatedContainer,
  where: { groupId: number; userId: number },
  name: string,
): Promise<{ id: number; name: string; ownerId: number }[]> {
  const rows = await project(link, byName[type], { name }, { group: where.groupId });
  const found = rows.map((row) => ({ id: numberAt(row, 0), name: textAt(row, 1), ownerId: numberAt(row, 2) }));
  return found.toSorted((a, b) => Number(b.ownerId === where.userId) - Number(a.ownerId === where.userId));
}

/** Creates an empty container in a group and returns its id. */
export async function createContainer(
  link: OmeroLink,
  groupId: number,
  type: CreatedContainer,
  name: string,
  description: string,
): Promise<number> {
  const container = newObject(type, { name: rstring(name), description: rstring(description) });
  const saved = (await link.call('IUpdate', 'saveAndReturnObject', [container], { group: groupId })) as IceObject;
  return Number(unwrap(saved['id']));
}

/** Those of the objects that lie in a container, whoever put them there. */
export async function childrenIn(
  link: OmeroLink,
  { type, id }: { readonly type: CreatedContainer; readonly id: number },
  ids: readonly number[],
): Promise<number[]> {
  const rows = await projectEach(link, childrenOf[type], 'ids', ids, { parent: id });
  return [...new Set(rows.map((row) => numberAt(row, 0)))];
}

/**
 * Puts datasets into a project, images into a dataset, or plates into a screen, unless somebody has done so: those that
 * lie in it already are left as they are. `linksPerCall` at a time, each call a transaction.
 *
 * @throws OMERO_OBJECT_GONE, OMERO_NOT_PERMITTED with OMERO's words
 */
export async function putInto(
  link: OmeroLink,
  groupId: number,
  container: { readonly type: CreatedContainer; readonly id: number },
  ids: readonly number[],
): Promise<void> {
  const { type, id } = container;
  const names = links[type];
  const done = new Set(await childrenIn(link, container, ids));
  const missing = [...new Set(ids)].filter((child) => !done.has(child));
  for (let at = 0; at < missing.length; at += linksPerCall) {
    const objects = missing
      .slice(at, at + linksPerCall)
      .map((child) => newObject(names.link, { parent: reference(type, id), child: reference(names.child, child) }));
    await link.call('IUpdate', 'saveAndReturnIds', [objects], { group: groupId });
  }
}

/** Names and groups of those of the images that the session's user can see, by id. */
export async function imageNames(
  link: OmeroLink,
  ids: readonly number[],
): Promise<{ id: number; name: string; groupId: number }[]> {
  const rows = await projectEach(
    link,
    'select i.id, i.name, i.details.group.id from Image i where i.id in (:ids) order by i.id',
    'ids',
    ids,
  );
  return rows.map((row) => ({ id: numberAt(row, 0), name: textAt(row, 1), groupId: numberAt(row, 2) }));
}

/** Width and height in pixels of those of the images that the session's user can see and that have pixels, by id. */
export async function imageSizes(
  link: OmeroLink,
  ids: readonly number[],
): Promise<Map<number, { width: number; height: number }>> {
  const rows = await projectEach(
    link,
    'select p.image.id, p.sizeX, p.sizeY from Pixels p where p.image.id in (:ids) order by p.id',
    'ids',
    ids,
  );
  return new Map(rows.map((row) => [numberAt(row, 0), { width: numberAt(row, 1), height: numberAt(row, 2) }]));
}

/** The images of a dataset by id. */
export async function imagesIn(
  link: OmeroLink,
  datasetId: number,
): Promise<{ id: number; name: string; filesetId: number | null }[]> {
  const rows = await project(
    link,
    'select i.id, i.name, i.fileset.id from DatasetImageLink l join l.child i where l.parent.id = :id order by i.id',
    { id: datasetId },
  );
  // An image linked twice (by two users) is still one image.
  const images = new Map(
    rows.map((row) => {
      const filesetId = row[2] === null ? null : numberAt(row, 2);
      return [numberAt(row, 0), { id: numberAt(row, 0), name: textAt(row, 1), filesetId }];
    }),
  );
  return [...images.values()];
}
