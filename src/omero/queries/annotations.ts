import { parameters, numberAt, projectEach, textAt } from './project.ts';
import type { IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { newObject, reference } from '../model.ts';
import { rstring, unwrap } from '../rtypes.ts';

export type AnnotatedType = 'Image' | 'Plate' | 'Dataset' | 'Project' | 'Screen';
export type Pair = [string, string];
export interface AnnotationTarget {
  readonly type: AnnotatedType;
  readonly id: number;
}
export interface MapAnnotation {
  readonly targetId: number;
  readonly annotationId: number;
  readonly ns: string;
  readonly pairs: Pair[];
}

const linksOf = (link: string): { all: string; byNs: string } => ({
  all: `select l.parent.id, a.id, a.ns from ${link} l join l.child a where l.parent.id in (:ids) order by a.id`,
  byNs: `select l.parent.id, a.id, a.ns from ${link} l join l.child a where l.parent.id in (:ids) and a.ns = :ns order by a.id`,
});
const linkQueries: Readonly<Record<AnnotatedType, { all: string; byNs: string }>> = {
  Image: linksOf('ImageAnnotationLink'),
  Plate: linksOf('PlateAnnotationLink'),
  Dataset: linksOf('DatasetAnnotationLink'),
  Project: linksOf('ProjectAnnotationLink'),
  Screen: linksOf('ScreenAnnotationLink'),
};
/** Whole objects, because a list's order is lost in a projection. */
const mapValues = 'select a from MapAnnotation a where a.id in (:ids) order by a.id';

const linksPerCall = 200;

/** Rows of target's id, annotation's id and namespace, of annotations of every kind, by annotation id. */
export async function annotationLinks(
  link: OmeroLink,
  type: AnnotatedType,
  ids: readonly number[],
  ns?: string,
): Promise<unknown[][]> {
  const hql = ns === undefined ? linkQueries[type].all : linkQueries[type].byNs;
  return projectEach(link, hql, 'ids', ids, ns === undefined ? {} : { ns });
}

/** The map annotations of targets of one type, by annotation id; only those of a namespace when one is given. */
export async function mapAnnotations(
  link: OmeroLink,
  type: AnnotatedType,
  ids: readonly number[],
  ns?: string,
): Promise<MapAnnotation[]> {
  const rows = await annotationLinks(link, type, ids, ns);
  const pairs = await pairsOf(link, [...new Set(rows.map((row) => numberAt(row, 1)))]);
  return rows.flatMap((row) => {
    const annotationId = numberAt(row, 1);
    const own = pairs.get(annotationId);
    // Without pairs it is a tag, a comment or a file.
    return own ? [{ targetId: numberAt(row, 0), annotationId, ns: textAt(row, 2), pairs: own }] : [];
  });
}

/**
 * Gives every target its own map annotation. A target is skipped when it has one with the same namespace and the same
 * pairs, or, with `key`, one with the same namespace and the same value under that key. Linked `linksPerCall` at a
 * time, each call a transaction: after a failure a repeat does what is missing.
 */
export async function annotate(
  link: OmeroLink,
  groupId: number,
  targets: readonly AnnotationTarget[],
  ns: string,
  pairs: readonly Pair[],
  key?: string,
): Promise<void> {
  const wanted = identityOf(pairs, key);
  for (const type of new Set(targets.map((t) => t.type))) {
    const ids = [...new Set(targets.filter((t) => t.type === type).map((t) => t.id))];
    const there = await mapAnnotations(link, type, ids, ns);
    const done = new Set(there.filter((a) => identityOf(a.pairs, key) === wanted).map((a) => a.targetId));
    const missing = ids.filter((id) => !done.has(id));
    for (let at = 0; at < missing.length; at += linksPerCall) {
      const links = missing.slice(at, at + linksPerCall).map((id) => newLink(type, id, ns, pairs));
      await link.call('IUpdate', 'saveAndReturnIds', [links], { group: groupId });
    }
  }
}

function identityOf(pairs: readonly Pair[], key: string | undefined): string {
  return JSON.stringify(key === undefined ? pairs : pairs.filter(([k]) => k === key).map(([, v]) => v));
}

function newLink(type: AnnotatedType, id: number, ns: string, pairs: readonly Pair[]): IceObject {
  const mapValue = pairs.map(([name, value]) => ({ $type: '::omero::model::NamedValue', name, value }));
  const child = newObject('MapAnnotation', { ns: rstring(ns), mapValue });
  return newObject(`${type}AnnotationLink`, { parent: reference(type, id), child });
}

async function pairsOf(link: OmeroLink, annotationIds: readonly number[]): Promise<Map<number, Pair[]>> {
  const pairs = new Map<number, Pair[]>();
  for (let at = 0; at < annotationIds.length; at += linksPerCall) {
    const ids = annotationIds.slice(at, at + linksPerCall);
    const found = await link.call('IQuery', 'findAllByQuery', [mapValues, parameters({ ids })], { group: 'all' });
    for (const annotation of found as (IceObject | null)[]) {
      const values = (annotation?.['mapValue'] ?? []) as (IceObject | null)[];
      const own = values.flatMap((v): Pair[] => (v ? [[String(v['name']), String(v['value'])]] : []));
      pairs.set(Number(unwrap(annotation?.['id'])), own);
    }
  }
  return pairs;
}
