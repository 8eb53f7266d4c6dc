/**
 * Classes, exceptions and interfaces as data. The codec knows nothing of OMERO but this: what the schema lacks is
 * skipped by the sizes that encoding 1.0 puts before each slice.
 */
import { readFileSync } from 'node:fs';
import { packageFile } from '../../lib/package-root.ts';
import { holdsInstances, parseType, type IceType } from './types.ts';

export interface Member {
  readonly name: string;
  readonly type: IceType;
}

/** One slice of a class or exception: its own members in the order of the wire, without those of its base. */
export interface SliceShape {
  readonly typeId: string;
  readonly base: string | null;
  readonly members: readonly Member[];
}

export interface OperationShape {
  readonly parameters: readonly IceType[];
  /** null: void. */
  readonly result: IceType | null;
  /** Ice's mode on the wire: 0 normal, 1 nonmutating, 2 idempotent. */
  readonly mode: number;
  /** The parameters or the result are followed by a list of instances, be it empty. */
  readonly sendsInstances: boolean;
  readonly returnsInstances: boolean;
}

/** The file's form; types in the notation of `types.ts`. */
export interface SchemaData {
  classes: Record<string, { base?: string; members: Record<string, string> }>;
  exceptions: Record<string, { base?: string; members: Record<string, string> }>;
  interfaces: Record<string, InterfaceData>;
}
interface InterfaceData {
  type: string;
  extends?: string[];
  operations: Record<string, { in: string[]; out: string; idempotent?: boolean; mode?: number }>;
}

/** What every Ice object answers, under the interface name `Object` too. */
const builtins: InterfaceData = {
  type: '::Ice::Object',
  operations: {
    ice_isA: { in: ['string'], out: 'bool', mode: 1 },
    ice_ping: { in: [], out: '', mode: 1 },
    ice_id: { in: [], out: 'string', mode: 1 },
    ice_ids: { in: [], out: '[string]', mode: 1 },
  },
};

let omero: IceSchema | null = null;

export class IceSchema {
  readonly classes: ReadonlyMap<string, SliceShape>;
  readonly exceptions: ReadonlyMap<string, SliceShape>;
  /** Interfaces by short name (`IQuery`), each with its inherited operations. */
  readonly interfaces: ReadonlyMap<string, ReadonlyMap<string, OperationShape>>;
  readonly #ids: ReadonlyMap<string, readonly string[]>;

  constructor(data: SchemaData) {
    this.classes = shapesOf(data.classes);
    this.exceptions = shapesOf(data.exceptions);
    const all = { ...data.interfaces, Object: builtins };
    const lines = Object.keys(all).map((name) => [name, ancestors(all, name)] as const);
    this.interfaces = new Map(lines.map(([name, line]) => [name, operationsOf(line)]));
    this.#ids = new Map(lines.map(([name, line]) => [name, line.map((i) => i.type).toSorted()]));
  }

  /** OMERO's API with Glacier2's router, from `omero-schema.json`; parsed once. */
  static omero(): IceSchema {
    omero ??= new IceSchema(
      JSON.parse(readFileSync(packageFile('src', 'omero', 'ice', 'omero-schema.json'), 'utf8')) as SchemaData,
    );
    return omero;
  }

  /** null when the interface, or the operation in it, is not known. */
  operation(iface: string, operation: string): OperationShape | null {
    return this.interfaces.get(iface)?.get(operation) ?? null;
  }

  /** Type ids of an interface and its bases in alphabetical order, as `ice_ids` answers. */
  typeIds(iface: string): readonly string[] {
    return this.#ids.get(iface) ?? [];
  }

  /** The class and its bases without `::Ice::Object`, most derived first; empty for an unknown class. */
  lineage(typeId: string): SliceShape[] {
    return lineage(this.classes, typeId);
  }

  exceptionLineage(typeId: string): SliceShape[] {
    return lineage(this.exceptions, typeId);
  }

  isA(typeId: string, ancestor: string): boolean {
    return this.lineage(typeId).some((slice) => slice.typeId === ancestor);
  }

  /** Whether a user exception is of a kind: `isExceptionA('::omero::ValidationException', '::omero::ServerError')`. */
  isExceptionA(typeId: string, ancestor: string): boolean {
    return this.exceptionLineage(typeId).some((slice) => slice.typeId === ancestor);
  }
}

function shapesOf(data: SchemaData['classes']): Map<string, SliceShape> {
  const shapes = new Map<string, SliceShape>();
  for (const [typeId, { base, members }] of Object.entries(data)) {
    const list = Object.entries(members).map(([name, type]) => ({ name, type: parseType(type) }));
    shapes.set(typeId, { typeId, base: base ?? null, members: list });
  }
  for (const shape of shapes.values()) {
    if (shape.base !== null && !shapes.has(shape.base))
      throw new Error(`${shape.typeId} extends unknown ${shape.base}`);
    lineage(shapes, shape.typeId);
  }
  return shapes;
}

function lineage(shapes: ReadonlyMap<string, SliceShape>, typeId: string): SliceShape[] {
  const line: SliceShape[] = [];
  for (let next: string | null = typeId; next !== null;) {
    const shape = shapes.get(next);
    if (!shape) break;
    if (line.includes(shape)) throw new Error(`${typeId} extends itself`);
    line.push(shape);
    next = shape.base;
  }
  return line;
}

function ancestors(all: Record<string, InterfaceData>, name: string): InterfaceData[] {
  const line: InterfaceData[] = [];
  const visit = (next: string): void => {
    const data = all[next];
    if (!data) throw new Error(`${name} extends unknown interface ${next}`);
    if (line.includes(data)) return;
    line.push(data);
    data.extends?.forEach(visit);
  };
  visit(name);
  visit('Object');
  return line;
}

function operationsOf(line: readonly InterfaceData[]): Map<string, OperationShape> {
  const operations = new Map<string, OperationShape>();
  for (const { operations: own } of line.toReversed()) {
    for (const [name, { in: parameters, out, idempotent, mode }] of Object.entries(own)) {
      const types = parameters.map(parseType);
      const result = out === '' ? null : parseType(out);
      operations.set(name, {
        parameters: types,
        result,
        mode: mode ?? (idempotent ? 2 : 0),
        sendsInstances: types.some(holdsInstances),
        returnsInstances: result !== null && holdsInstances(result),
      });
    }
  }
  return operations;
}
