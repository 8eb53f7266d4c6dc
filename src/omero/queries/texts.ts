/** Comments and tags: annotations that are one text. */
import type { IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { newObject, reference } from '../model.ts';
import { rstring } from '../rtypes.ts';
import { annotationLinks, type AnnotatedType, type AnnotationTarget } from './annotations.ts';
import { numberAt, project, projectEach, textAt } from './project.ts';

export type TextKind = 'Comment' | 'Tag';
export interface TextAnnotation {
  readonly targetId: number;
  readonly annotationId: number;
  readonly ns: string;
  readonly text: string;
}

const textsById: Readonly<Record<TextKind, string>> = {
  Comment: 'select a.id, a.textValue from CommentAnnotation a where a.id in (:ids)',
  Tag: 'select a.id, a.textValue from TagAnnotation a where a.id in (:ids)',
};
const ownTags =
  'select a.id, a.ns from TagAnnotation a where a.textValue = :text and a.details.owner.id = :owner order by a.id';

const linksPerCall = 200;

/** The comments, or the tags, of targets of one type, by annotation id. */
export async function textAnnotations(
  link: OmeroLink,
  kind: TextKind,
  type: AnnotatedType,
  ids: readonly number[],
): Promise<TextAnnotation[]> {
  const rows = await annotationLinks(link, type, ids);
  const annotationIds = rows.map((row) => numberAt(row, 1));
  const found = await projectEach(link, textsById[kind], 'ids', annotationIds);
  const texts = new Map(found.map((row) => [numberAt(row, 0), textAt(row, 1)]));
  return rows.flatMap((row) => {
    const text = texts.get(numberAt(row, 1));
    if (text === undefined) return [];
    return [{ targetId: numberAt(row, 0), annotationId: numberAt(row, 1), ns: textAt(row, 2), text }];
  });
}

/** Gives every target a comment of its own, unless it has one with the same namespace and text. */
export async function addComment(
  link: OmeroLink,
  groupId: number,
  targets: readonly AnnotationTarget[],
  ns: string,
  text: string,
): Promise<void> {
  for (const [type, missing] of await lacking(link, 'Comment', targets, (a) => a.ns === ns && a.text === text)) {
    const comment = (): IceObject => newObject('CommentAnnotation', { ns: rstring(ns), textValue: rstring(text) });
    await saveLinks(link, groupId, type, missing, comment);
  }
}

/**
 * Tags targets, unless somebody has tagged them so already. The tag is the user's own in the group, which is made when
 * there is none: not every group lets its members use each other's tags.
 */
export async function addTag(
  link: OmeroLink,
  { groupId, userId }: { readonly groupId: number; readonly userId: number },
  targets: readonly AnnotationTarget[],
  name: string,
): Promise<void> {
  for (const [type, missing] of await lacking(link, 'Tag', targets, (a) => a.text === name)) {
    if (missing.length === 0) continue;
    let id = await ownTag(link, groupId, userId, name);
    if (id === null) {
      const tag = newObject('TagAnnotation', { textValue: rstring(name) });
      [id = -1] = (await link.call('IUpdate', 'saveAndReturnIds', [[tag]], { group: groupId })) as number[];
    }
    const tag = reference('TagAnnotation', id);
    await saveLinks(link, groupId, type, missing, () => tag);
  }
}

/** A user's own tag of a name in a group, or null; sets of tags, which have a namespace, are none. */
export async function ownTag(link: OmeroLink, groupId: number, userId: number, name: string): Promise<number | null> {
  const rows = await project(link, ownTags, { text: name, owner: userId }, { group: groupId });
  const tag = rows.find((row) => textAt(row, 1) === '');
  return tag ? numberAt(tag, 0) : null;
}

/** Ids by type of those targets that no fitting annotation hangs on. */
async function lacking(
  link: OmeroLink,
  kind: TextKind,
  targets: readonly AnnotationTarget[],
  fits: (annotation: TextAnnotation) => boolean,
): Promise<[AnnotatedType, number[]][]> {
  const all: [AnnotatedType, number[]][] = [];
  for (const type of new Set(targets.map((t) => t.type))) {
    const ids = [...new Set(targets.filter((t) => t.type === type).map((t) => t.id))];
    const done = new Set((await textAnnotations(link, kind, type, ids)).filter(fits).map((a) => a.targetId));
    all.push([type, ids.filter((id) => !done.has(id))]);
  }
  return all;
}

async function saveLinks(
  link: OmeroLink,
  groupId: number,
  type: AnnotatedType,
  ids: readonly number[],
  child: () => IceObject,
): Promise<void> {
  for (let at = 0; at < ids.length; at += linksPerCall) {
    const links = ids
      .slice(at, at + linksPerCall)
      .map((id) => newObject(`${type}AnnotationLink`, { parent: reference(type, id), child: child() }));
    await link.call('IUpdate', 'saveAndReturnIds', [links], { group: groupId });
  }
}
