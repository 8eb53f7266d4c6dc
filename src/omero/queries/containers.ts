import type { OmeroLink } from '../link.ts';
import { newObject } from '../model.ts';
import { rstring, unwrap } from '../rtypes.ts';
import type { IceObject } from '../ice/values.ts';
import { numberAt, project, textAt } from './project.ts';

export type ContainerType = 'Dataset' | 'Screen' | 'Project' | 'Plate';

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

/** Datasets of a group with exactly this name, the user's own first, then by id. */
export async function findDatasetsByName(
  link: OmeroLink,
  where: { groupId: number; userId: number },
  name: string,
): Promise<{ id: number; name: string; ownerId: number }[]> {
  const rows = await project(
    link,
    'select d.id, d.name, d.details.owner.id from Dataset d where d.name = :name order by d.id',
    { name },
    { group: where.groupId },
  );
  const datasets = rows.map((row) => ({ id: numberAt(row, 0), name: textAt(row, 1), ownerId: numberAt(row, 2) }));
  return datasets.toSorted((a, b) => Number(b.ownerId === where.userId) - Number(a.ownerId === where.userId));
}

/** Creates a dataset in a group and returns its id. */
export async function createDataset(
  link: OmeroLink,
  groupId: number,
  name: string,
  description: string,
): Promise<number> {
  const dataset = newObject('Dataset', { name: rstring(name), description: rstring(description) });
  const saved = (await link.call('IUpdate', 'saveAndReturnObject', [dataset], { group: groupId })) as IceObject;
  return Number(unwrap(saved['id']));
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
