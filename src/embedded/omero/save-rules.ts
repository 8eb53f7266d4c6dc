import { isLink } from './collections.ts';
import type { Draft } from './draft.ts';
import { failure } from './failures.ts';
import { numberOf, type Stored } from './objects.ts';
import { permissionsOf, type Actor } from './rights.ts';
import type { Store } from './store.ts';

/**
 * What the saved objects refer to must be of their group and open to links by this user, and no link may join the same
 * two objects twice for one owner.
 */
export function checkReferences(store: Store, actor: Actor, draft: Draft, saved: ReadonlySet<Stored>): void {
  const seen = new Set<string>();
  for (const touched of saved) {
    const object = draft.get(touched.class, touched.id) ?? touched;
    for (const target of targetsOf(draft, object)) {
      if (draft.created.has(target) || target.group < 0 || object.group < 0) continue;
      checkTarget(store, actor, object, target);
    }
    if (isLink(object.class.name)) checkUnique(store, draft, object, seen);
  }
}

function* targetsOf(draft: Draft, object: Stored): Generator<Stored> {
  for (const field of object.class.fields.values()) {
    if (field.kind !== 'reference') continue;
    const id = numberOf(object, field.name);
    const target = id === null ? null : draft.find(field.to, id);
    if (target) yield target;
  }
}

function checkTarget(store: Store, actor: Actor, object: Stored, target: Stored): void {
  const name = `${target.class.javaName}:Id_${target.id}`;
  if (!actor.isAdmin && !actor.memberOf.has(target.group)) throw failure('SecurityViolation', `Cannot read ${name}`);
  if (target.group !== object.group)
    throw failure(
      'GroupSecurityViolation',
      `MIXED GROUP: ${object.class.javaName}:Id_null and ${name} cannot be linked.`,
    );
  if (!actor.canRead(target)) throw failure('SecurityViolation', `Cannot read ${name}`);
  if (!actor.canLink(target, object.class.name))
    throw failure(
      'SecurityViolation',
      `Group is ${permissionsOf(store, target.group)}. Cannot link to object: ${name}`,
    );
}

function checkUnique(store: Store, draft: Draft, link: Stored, seen: Set<string>): void {
  const parent = numberOf(link, 'parent') ?? -1;
  const child = numberOf(link, 'child') ?? -1;
  const key = `${link.class.name}:${parent}:${child}:${link.owner}`;
  const same = (other: Stored): boolean =>
    other.id !== link.id &&
    other.owner === link.owner &&
    numberOf(other, 'child') === child &&
    !draft.deleted.has(other);
  const children = store.index.referring(link.class, 'child', child);
  if (!seen.has(key) && !children.some((other) => same(other) && numberOf(other, 'parent') === parent)) {
    seen.add(key);
    return;
  }
  const table = link.class.name.toLowerCase();
  throw failure(
    'ValidationException',
    `could not insert: [${link.class.javaName}]; duplicate key value violates unique constraint ` +
      `"${table}_parent_child_owner_id_key": (parent, child, owner_id)=(${parent}, ${child}, ${link.owner})`,
  );
}
