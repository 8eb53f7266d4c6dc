import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { IceObject } from '../../omero/ice/values.ts';
import type { Call } from './context.ts';
import { collections, isLink } from './collections.ts';
import { failure } from './failures.ts';
import { externalInfo } from './model.ts';
import { numberOf, textOf, type Stored } from './objects.ts';
import type { Actor } from './rights.ts';
import type { Store } from './store.ts';

/** Deletes targets with all that hangs on them, as Delete2 does; then the files that they were. */
export async function deleteGraph(call: Call, request: IceObject): Promise<IceObject> {
  const { store } = call.server;
  const { actor } = call;
  actor.writeGroup();
  const targets = [...((request['targetObjects'] ?? new Map()) as ReadonlyMap<string, number[]>)].flatMap(
    ([type, ids]) => {
      const known = store.model.find(type);
      if (!known) throw failure('ApiUsageException', `unknown class: ${type}`);
      // What is gone already, or was never seen, is no reason to fail.
      return ids.flatMap((id) => store.get(known.name, id) ?? []).filter((object) => actor.canRead(object));
    },
  );
  const graph = new Graph(store, targets);
  graph.check(actor);
  if (request['dryRun'] !== true) {
    await store.write((draft) => {
      for (const object of graph.deleted) draft.delete(object);
    });
    for (const file of graph.deleted) if (file.class.name === 'OriginalFile') await removeFile(call, file);
  }
  const deletedObjects = new Map<string, number[]>();
  for (const { class: type, id } of graph.deleted)
    deletedObjects.set(type.javaName, [...(deletedObjects.get(type.javaName) ?? []), id]);
  return { $type: '::omero::cmd::Delete2Response', deletedObjects };
}

/** References along which the object referred to goes too, once nothing else of that class refers to it. */
const ownedBy: Readonly<Record<string, readonly string[]>> = {
  FilesetEntry: ['originalFile'],
  FileAnnotation: ['file'],
  Channel: ['logicalChannel', 'statsInfo'],
  RenderingDef: ['quantization'],
  WellSample: ['image'],
  Image: ['fileset', externalInfo],
};

class Graph {
  readonly deleted = new Set<Stored>();
  readonly #store: Store;

  constructor(store: Store, targets: readonly Stored[]) {
    this.#store = store;
    for (const target of targets) this.#add(target);
    // Whether something is left over shows only when all the rest is known: again until nothing is added.
    for (let before = -1; before !== this.deleted.size;) {
      before = this.deleted.size;
      for (const object of [...this.deleted]) this.#addLeftOver(object);
    }
  }

  /** OMERO deletes all or nothing: not a part of a fileset, and nothing that the user may not delete. */
  check(actor: Actor): void {
    for (const object of this.deleted) {
      if (object.group >= 0 && !actor.canEdit(object, 'DeleteOwned'))
        throw failure('SecurityViolation', `not permitted to delete ${object.class.javaName}[${object.id}]`);
      const fileset = object.class.name === 'Image' ? numberOf(object, 'fileset') : null;
      if (fileset === null) continue;
      const other = this.#store.referring('Image', 'fileset', fileset).find((image) => !this.deleted.has(image));
      if (other)
        throw failure('ValidationException', `may not split fileset ${fileset}: image ${other.id} is not included`);
    }
  }

  /** An object, its parts, and the links at both of its ends. */
  #add(object: Stored): void {
    if (this.deleted.has(object)) return;
    this.deleted.add(object);
    for (const ancestor of object.class.ancestors)
      for (const [collection, [of, by]] of Object.entries(collections))
        if (collection.startsWith(`${ancestor}.`))
          for (const part of this.#store.referring(of, by, object.id)) this.#add(part);
    for (const link of this.#linksOf(object)) this.#add(link);
  }

  #linksOf(object: Stored): Stored[] {
    const links = [...this.#store.model.classes.values()].filter((c) => isLink(c.name));
    return links.flatMap((c) =>
      ['parent', 'child'].flatMap((end) => {
        const field = c.fields.get(end);
        const fits = field?.kind === 'reference' && object.class.ancestors.has(field.to);
        return fits ? this.#store.referring(c.name, end, object.id) : [];
      }),
    );
  }

  /** Children of a deleted link's deleted parent, and what an object owns, unless something else still has them. */
  #addLeftOver(object: Stored): void {
    if (isLink(object.class.name)) {
      const parent = this.#end(object, 'parent');
      const child = this.#end(object, 'child');
      if (
        parent &&
        child &&
        this.deleted.has(parent) &&
        this.#linksOf(child).every((l) => this.deleted.has(l) || this.#end(l, 'parent') === child)
      )
        this.#add(child);
      return;
    }
    for (const name of ownedBy[object.class.name] ?? []) {
      const field = object.class.fields.get(name);
      const id = numberOf(object, name);
      if (field?.kind !== 'reference' || id === null) continue;
      const owned = this.#store.get(field.to, id);
      const others = this.#store.referring(object.class.name, name, id);
      if (owned && others.every((o) => this.deleted.has(o))) this.#add(owned);
    }
  }

  #end(link: Stored, end: 'parent' | 'child'): Stored | null {
    const field = link.class.fields.get(end);
    const id = numberOf(link, end);
    return field?.kind === 'reference' && id !== null ? this.#store.get(field.to, id) : null;
  }
}

/** The link in the managed repository, or the content of an attachment; never what a link leads to. */
async function removeFile({ server }: Call, file: Stored): Promise<void> {
  const managed = server.config.get('omero.managed.dir') ?? '';
  const inRepository = textOf(file, 'repo') === 'ManagedRepository';
  const path = inRepository
    ? join(managed, textOf(file, 'path') ?? '', textOf(file, 'name') ?? '')
    : join(server.filesFolder, String(file.id));
  await rm(path, { force: true }).catch((error: unknown) =>
    server.log.warn({ file: file.id, error: String(error) }, 'the file of a deleted object is still there'),
  );
}
