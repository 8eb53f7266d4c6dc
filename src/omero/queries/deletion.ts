import type { OmeroLink } from '../link.ts';

export type DeletedType = 'Dataset' | 'Fileset' | 'Image' | 'Plate' | 'Roi' | 'Annotation' | 'OriginalFile';

/**
 * Deletes objects with all that OMERO deletes with them: a dataset's images unless they are in another one, a fileset's
 * images, links, annotations that nothing else has. All or nothing. What is gone already does not matter.
 *
 * @throws OMERO_REQUEST_REFUSED with OMERO's words, such as for a part of a fileset or an object of somebody else
 */
export async function deleteObjects(
  link: OmeroLink,
  groupId: number,
  type: DeletedType,
  ids: readonly number[],
): Promise<void> {
  if (ids.length === 0) return;
  const request = {
    $type: '::omero::cmd::Delete2',
    targetObjects: new Map([[type, [...ids]]]),
    childOptions: [],
    dryRun: false,
    typesToIgnore: [],
  };
  await link.submit(request, { group: groupId });
}
