import { IceMarshalError } from '../ice/values.ts';
import type { IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { rstring, unwrap } from '../rtypes.ts';
import { numberAt, project, textAt } from './project.ts';

export type EnumerationType = 'PixelsType' | 'DimensionOrder' | 'RenderingModel' | 'Family';

const valuesOf: Readonly<Record<EnumerationType, string>> = {
  PixelsType: 'select e.id, e.value from PixelsType e',
  DimensionOrder: 'select e.id, e.value from DimensionOrder e',
  RenderingModel: 'select e.id, e.value from RenderingModel e',
  Family: 'select e.id, e.value from Family e',
};

/** The values of an enumeration with their ids, which differ from server to server. */
export async function enumeration(link: OmeroLink, type: EnumerationType): Promise<Map<string, number>> {
  const rows = await project(link, valuesOf[type], {});
  return new Map(rows.map((row) => [textAt(row, 1), numberAt(row, 0)]));
}

/**
 * Saves graphs of new objects in one transaction and gives the ids of the objects listed. No object may be part of two of
 * the graphs: OMERO would make two of it.
 */
export async function saveGraphs(link: OmeroLink, groupId: number, objects: readonly IceObject[]): Promise<number[]> {
  if (objects.length === 0) return [];
  const ids = await link.call('IUpdate', 'saveAndReturnIds', [objects], { group: groupId });
  if (!Array.isArray(ids) || ids.length !== objects.length || !ids.every((id) => typeof id === 'number'))
    throw new IceMarshalError('the server saved objects and told other ids than one for each');
  return ids;
}

/** Gives an image another name, if it has not got it; throws what OMERO answers when it is gone or may not be changed. */
export async function renameImage(link: OmeroLink, groupId: number, imageId: number, name: string): Promise<void> {
  const image = (await link.call('IQuery', 'get', ['Image', imageId], { group: groupId })) as IceObject;
  if (unwrap(image['name']) === name) return;
  await link.call('IUpdate', 'saveObject', [{ ...image, name: rstring(name) }], { group: groupId });
}
