/**
 * Makes `src/omero/ice/omero-schema.json` from a file with the interface's facts:
 * `tsx test/support/condense-schema.ts FACTS.json`, then prettier.
 * FACTS: `{classes: {typeId: {extends, members: ["name: Type"]}}, interfaces: {name: ["[idempotent] R op(T a, …)"]},
 * exceptions: {name: {extends, members: ["type name"]}}}`. Names of sequences and dictionaries are spelled out here;
 * an operation or class with a type that neither the facts nor this file know is left out and listed on stderr.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { packageFile } from '../../src/lib/package-root.ts';

interface Facts {
  classes: Record<string, { extends: string; members: string[] }>;
  interfaces: Record<string, string[]>;
  exceptions: Record<string, { extends: string | null; members: string[] }>;
}
interface Members {
  base?: string;
  members: Record<string, string>;
}
interface Operation {
  in: string[];
  out: string;
  idempotent?: true;
}
interface Interface {
  type: string;
  extends?: string[];
  operations: Record<string, Operation>;
}

/** In the notation of `src/omero/ice/types.ts`. */
const named: Record<string, string> = {
  AdminPrivilegeList: '[@]',
  AnnotationList: '[@]',
  BoolArray: '[bool]',
  BooleanIdListMap: '{bool:[long]}',
  ByteArrayArray: '[bytes]',
  ByteSeq: 'bytes',
  ChecksumAlgorithmList: '[@]',
  ChildOptions: '[@]',
  ColumnArray: '[@]',
  Context: '{string:string}',
  CountMap: '{long:long}',
  DoubleArray: '[double]',
  DoubleArrayArray: '[[double]]',
  ExperimenterGroupList: '[@]',
  ExperimenterList: '[@]',
  FloatArrayArray: '[[float]]',
  IObjectList: '[@]',
  IObjectListMap: '{string:[@]}',
  IdByteMap: '{long:bytes}',
  ImageList: '[@]',
  ImportProcessList: '[*]',
  IntList: '[int]',
  IntStringMap: '{int:string}',
  IntegerArray: '[int]',
  IntegerList: '[int]',
  LongArray: '[long]',
  LongArrayArray: '[[long]]',
  LongList: '[long]',
  LongSeq: '[long]',
  NamedValueList: '[::omero::model::NamedValue]',
  OriginalFileList: '[@]',
  ParamMap: '{string:::omero::RType}',
  PixelsList: '[@]',
  RList: '::omero::RList',
  RTypeDict: '{string:::omero::RType}',
  RTypeSeq: '[::omero::RType]',
  RTypeSeqSeq: '[[::omero::RType]]',
  RequestList: '[@]',
  ResponseList: '[@]',
  ServiceList: '[*]',
  SessionList: '[@]',
  StateList: '[enum]',
  StatusList: '[@]',
  StringArray: '[string]',
  StringLongListMap: '{string:[long]}',
  StringMap: '{string:string}',
  StringMapList: '[{string:string}]',
  StringSet: '[string]',
  StringStringMap: '{string:string}',
  UnitsLength: 'enum',
  UnitsTime: 'enum',
};
const primitives = new Set(['bool', 'byte', 'short', 'int', 'long', 'float', 'double', 'string']);
const modules = ['omero', 'omero::model', 'omero::sys', 'omero::cmd', 'omero::grid', 'omero::api'];

const input = process.argv[2];
if (!input) throw new Error('usage: condense-schema FACTS.json');
const facts = JSON.parse(readFileSync(input, 'utf8')) as Facts;
const leftOut: string[] = [];

function typeOf(text: string, where: string): string {
  const type = text.trim().replace(/^::/, '');
  if (type === 'void') return '';
  if (primitives.has(type)) return type;
  if (type.endsWith('*')) return '*';
  const last = type.split('::').at(-1) ?? '';
  // `RoiShapesSeq`: the sequences of an object's links and parts hold model objects only.
  if (where.startsWith('::omero::model::') && type.endsWith('Seq') && !type.includes('::'))
    return '[::omero::model::IObject]';
  const spelled = named[last];
  if (spelled) return spelled;
  const candidates = [`::${type}`, ...modules.map((m) => `::${m}::${type}`)];
  const known = candidates.find((c) => c in facts.classes || c in classes);
  if (known) return known;
  // A class outside the facts: on the wire every class is an instance reference, and the decoder steps over its slices.
  if (type.startsWith('omero::model::')) return '@';
  throw new Error(`${where}: unknown type ${text}`);
}

const classes: Record<string, Members> = {
  '::omero::model::BasicAnnotation': { base: '::omero::model::Annotation', members: {} },
  '::omero::model::NumericAnnotation': { base: '::omero::model::BasicAnnotation', members: {} },
  '::omero::model::ReverseIntensityContext': {
    base: '::omero::model::CodomainMapContext',
    members: { reverse: '::omero::RBool' },
  },
  '::omero::model::StatsInfo': {
    base: '::omero::model::IObject',
    members: { version: '::omero::RInt', globalMin: '::omero::RDouble', globalMax: '::omero::RDouble' },
  },
};
for (const [id, { extends: base, members }] of Object.entries(facts.classes)) {
  const pairs = members.map((m): [string, string] => {
    const at = m.indexOf(':');
    return [m.slice(0, at), typeOf(m.slice(at + 1), id)];
  });
  classes[id] = { ...(base === '::Ice::Object' ? {} : { base }), members: Object.fromEntries(pairs) };
}

const exceptions: Record<string, Members> = {
  '::Glacier2::PermissionDeniedException': { members: { reason: 'string' } },
  '::Glacier2::CannotCreateSessionException': { members: { reason: 'string' } },
  '::Glacier2::SessionNotExistException': { members: {} },
};
const qualified = (name: string): string => (name.includes('::') ? `::${name}` : `::omero::${name}`);
for (const [name, { extends: base, members }] of Object.entries(facts.exceptions)) {
  const pairs = members.map((m): [string, string] => {
    const at = m.lastIndexOf(' ');
    return [m.slice(at + 1), typeOf(m.slice(0, at), name)];
  });
  exceptions[qualified(name)] = { ...(base ? { base: qualified(base) } : {}), members: Object.fromEntries(pairs) };
}

/** Interfaces that the facts take for granted: Ice's and Glacier2's own, and what OMERO's inherit. */
const interfaces: Record<string, Interface> = {
  Router: {
    type: '::Glacier2::Router',
    operations: {
      getClientProxy: { in: [], out: '*', idempotent: true },
      getServerProxy: { in: [], out: '*', idempotent: true },
      addProxies: { in: ['[*]'], out: '[*]', idempotent: true },
      getCategoryForClient: { in: [], out: 'string', idempotent: true },
      createSession: { in: ['string', 'string'], out: '*' },
      createSessionFromSecureConnection: { in: [], out: '*' },
      refreshSession: { in: [], out: '' },
      destroySession: { in: [], out: '' },
      getSessionTimeout: { in: [], out: 'long', idempotent: true },
      getACMTimeout: { in: [], out: 'int', idempotent: true },
    },
  },
  Glacier2Session: { type: '::Glacier2::Session', operations: { destroy: { in: [], out: '' } } },
};
const extended: Record<string, string[]> = {
  Session: ['Glacier2Session'],
  ServiceFactory: ['Session'],
  RawFileStore: ['StatefulServiceInterface'],
  ThumbnailStore: ['StatefulServiceInterface'],
  ManagedRepository: ['Repository'],
};
const moduleOf = (name: string): string => {
  if (name === 'Handle' || name === 'Session') return 'cmd';
  return ['SharedResources', 'Table', 'Repository', 'ManagedRepository', 'ImportProcess'].includes(name)
    ? 'grid'
    : 'api';
};
for (const [name, signatures] of Object.entries(facts.interfaces)) {
  const operations: Record<string, Operation> = {};
  if (name === 'StatefulServiceInterface') operations['close'] = { in: [], out: '' };
  for (const signature of signatures) {
    const parsed = /^(idempotent )?(\S+) (\w+)\((.*?)\)/.exec(signature);
    if (!parsed) throw new Error(`${name}: cannot read ${signature}`);
    const [, idempotent, result = '', operation = '', parameters = ''] = parsed;
    try {
      const types = parameters.trim() === '' ? [] : parameters.split(',').map((p) => p.trim().replace(/\s+\w+$/, ''));
      operations[operation] = {
        in: types.map((t) => typeOf(t, `${name}.${operation}`)),
        out: typeOf(result, `${name}.${operation}`),
        ...(idempotent ? { idempotent: true } : {}),
      };
    } catch (error) {
      leftOut.push((error as Error).message);
    }
  }
  const bases = extended[name];
  interfaces[name] = { type: `::omero::${moduleOf(name)}::${name}`, ...(bases ? { extends: bases } : {}), operations };
}

writeFileSync(
  packageFile('src', 'omero', 'ice', 'omero-schema.json'),
  `${JSON.stringify({ classes, exceptions, interfaces })}\n`,
);
for (const line of leftOut) process.stderr.write(`left out ${line}\n`);
