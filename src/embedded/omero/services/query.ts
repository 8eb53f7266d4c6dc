import type { IceObject } from '../../../omero/ice/values.ts';
import { unwrap } from '../../../omero/rtypes.ts';
import type { Call, Service } from '../context.ts';
import { failure, noSuchRow } from '../failures.ts';
import { findObjects, project, type Paging } from '../hql/evaluate.ts';
import { HqlError } from '../hql/tokens.ts';
import type { Parameters, Value } from '../hql/values.ts';
import type { ModelClass } from '../model.ts';
import type { Stored } from '../objects.ts';
import { ToWire, toRType } from '../to-wire.ts';

/** IQuery: everything is computed from the stored objects; a query that is not understood is refused with its text. */
export const queryService: Service = {
  get(call, [klass, id]) {
    const type = classOf(call, klass);
    const found = read(call, type, Number(id));
    if (!found) throw noSuchRow(type.javaName, Number(id));
    return new ToWire(call.server.store, call.actor).object(found);
  },
  find(call, [klass, id]) {
    const found = read(call, classOf(call, klass), Number(id));
    return found ? new ToWire(call.server.store, call.actor).object(found) : null;
  },
  findAll(call, [klass, filter]) {
    const { name } = classOf(call, klass);
    return objects(call, `select x from ${name} x order by x.id`, new Map(), pagingOf(filter));
  },
  findByQuery(call, [query, parameters]) {
    const found = objects(call, String(query), valuesOf(parameters), pagingOf(filterOf(parameters)));
    const distinct = [...new Set(found)];
    if (distinct.length > 1)
      throw failure(
        'ApiUsageException',
        `query did not return a unique result: ${distinct.length} for [${String(query)}]`,
      );
    return distinct[0] ?? null;
  },
  findAllByQuery: (call, [query, parameters]) =>
    objects(call, String(query), valuesOf(parameters), pagingOf(filterOf(parameters))),
  projection(call, [query, parameters]) {
    const text = String(query);
    return understood(text, () => {
      const paging = pagingOf(filterOf(parameters));
      const { columns, rows } = project(call.server.store, text, valuesOf(parameters), call.actor, paging);
      return rows.map((row) => row.map((value, i) => toRType(value, columns[i]?.type ?? 'string')));
    });
  },
  refresh(call, [object]) {
    const { $type, id } = object as IceObject;
    return queryService['get']?.(call, [$type, unwrap(id)]);
  },
};

function objects(call: Call, text: string, parameters: Parameters, paging: Paging): IceObject[] {
  return understood(text, () => {
    const found = findObjects(call.server.store, text, parameters, call.actor, paging);
    const wire = new ToWire(call.server.store, call.actor);
    wire.fetched(found.aliases, found.rows);
    return found.objects.map((object) => wire.object(object));
  });
}

function read(call: Call, type: ModelClass, id: number): Stored | null {
  const found = call.server.store.index.get(type, id);
  return found && call.actor.canRead(found) ? found : null;
}

function classOf(call: Call, name: unknown): ModelClass {
  const type = call.server.store.model.find(String(name));
  if (!type) throw failure('ApiUsageException', `${String(name)} is no known class`);
  return type;
}

function understood<T>(query: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof HqlError) throw failure('ApiUsageException', `${error.message} [${query}]`);
    throw error;
  }
}

function filterOf(parameters: unknown): unknown {
  return (parameters as IceObject | null)?.['theFilter'];
}

function pagingOf(filter: unknown): Paging {
  const given = filter as IceObject | null | undefined;
  const limit = unwrap(given?.['limit']);
  const offset = unwrap(given?.['offset']);
  for (const value of [limit, offset])
    if (value !== null && (typeof value !== 'number' || value < 0))
      throw failure('ApiUsageException', 'limit and offset must be numbers from 0');
  return { offset: Number(offset ?? 0), limit: limit === null ? null : Number(limit) };
}

function valuesOf(parameters: unknown): Parameters {
  const map = (parameters as IceObject | null)?.['map'] as Map<string, IceObject | null> | null | undefined;
  const values = new Map<string, Value | Value[]>();
  for (const [name, value] of map ?? []) {
    const plain = unwrap(value);
    values.set(name, Array.isArray(plain) ? plain.map((v) => plainValue(name, v)) : plainValue(name, plain));
  }
  return values;
}

function plainValue(name: string, value: unknown): Value {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  throw failure('ApiUsageException', `parameter ${name} is of a kind that is not supported`);
}
