import { bridgeError } from '../domain/errors.ts';

/**
 * The JSON of a stored event's `state`, as Python's eventsourcing writes it: compact, not ASCII-escaped, and values that
 * JSON lacks as `{"_type_": name, "_data_": text}`. Python refuses a whole aggregate for one such object of a name it
 * does not know, so user data of that shape is never written.
 */
export type StateValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | UuidValue
  | JsonText
  | readonly StateValue[]
  | { readonly [key: string]: StateValue | undefined };

/** A uuid that is written as `uuid_hex`. */
export class UuidValue {
  /** With dashes, lower case. */
  readonly uuid: string;

  constructor(uuid: string) {
    if (!uuidForm.test(uuid)) throw new TypeError('not a uuid');
    this.uuid = uuid.toLowerCase();
  }
}

/** JSON that is written as it stands, since parsing it here would make `1.0` into `1`. */
export class JsonText {
  readonly text: string;

  /** Throws TRACKING_VALUE_REFUSED when the text is no JSON, or holds what Python would take for a value of its own. */
  constructor(text: string, field = 'JSON') {
    try {
      refuseReserved(JSON.parse(text), field);
    } catch (cause) {
      if (cause instanceof SyntaxError) throw refused(field, 'it is no JSON', cause);
      throw cause;
    }
    this.text = text;
  }
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Encodes an event's attributes, in the order given. Throws TRACKING_VALUE_REFUSED for what Python could not read. */
export function encodeState(attributes: Readonly<Record<string, StateValue>>): string {
  return encodeObject(attributes, 'event');
}

/** Decodes `state`: uuids to strings with dashes, datetimes to Date, Decimals to strings. Throws an Error with a reason. */
export function decodeState(state: Buffer | string): Record<string, unknown> {
  const text = typeof state === 'string' ? state : state.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text, (_key, inner: unknown) => (isTranscoded(inner) ? decodeValue(inner) : inner));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new Error('its state is no JSON', { cause });
    throw cause;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('its state is no object');
  return value as Record<string, unknown>;
}

/**
 * A text as it can be written: BIOMERO's listeners put texts into columns that take no U+0000 and no half surrogate
 * pair, and one event that they cannot process stops them for good.
 */
export function writable(text: string): string {
  return text.replace(/\0|\p{Surrogate}/gu, '\ufffd');
}

interface Transcoded {
  _type_: unknown;
  _data_: unknown;
}

function isTranscoded(value: unknown): value is Transcoded {
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(value).length === 2 && Object.hasOwn(value, '_type_') && Object.hasOwn(value, '_data_');
}

function decodeValue({ _type_: type, _data_: data }: Transcoded): unknown {
  if (typeof data !== 'string') throw new Error(`a value of type ${JSON.stringify(type)} is no text`);
  switch (type) {
    case 'uuid_hex':
      if (!/^[0-9a-f]{32}$/i.test(data)) throw new Error('a uuid is not 32 hex digits');
      return data.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    case 'datetime_iso':
      return decodeTime(data);
    case 'decimal_str':
      return data;
    default:
      throw new Error(`a value has the unknown type ${JSON.stringify(type)}`);
  }
}

/** Python's isoformat; without an offset it counts as UTC, and digits beyond milliseconds are cut. */
function decodeTime(text: string): Date {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?/.exec(text);
  const time = new Date(match ? `${match[1]}T${match[2]}${match[3] ?? 'Z'}` : Number.NaN);
  if (Number.isNaN(time.getTime())) throw new Error('a datetime is not in ISO form');
  return time;
}

function encode(value: StateValue, field: string): string {
  if (typeof value === 'string') return JSON.stringify(writable(value));
  if (value === null || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refused(field, 'it is not a finite number');
    return JSON.stringify(value);
  }
  if (value instanceof UuidValue) return transcoded('uuid_hex', value.uuid.replaceAll('-', ''));
  if (value instanceof Date) return transcoded('datetime_iso', pythonTime(value));
  if (value instanceof JsonText) return value.text;
  if (Array.isArray(value)) return `[${value.map((inner: StateValue) => encode(inner, field)).join(',')}]`;
  if (typeof value !== 'object') throw refused(field, `it holds a ${typeof value}`);
  if (isTranscoded(value)) throw refused(field, 'its keys are reserved by BIOMERO');
  return encodeObject(value as Readonly<Record<string, StateValue>>, field);
}

function encodeObject(value: Readonly<Record<string, StateValue | undefined>>, field: string): string {
  const pairs: string[] = [];
  for (const [key, inner] of Object.entries(value))
    if (inner !== undefined)
      pairs.push(`${JSON.stringify(writable(key))}:${encode(inner, field === 'event' ? key : field)}`);
  return `{${pairs.join(',')}}`;
}

function transcoded(type: string, data: string): string {
  return JSON.stringify({ _type_: type, _data_: data });
}

/** As `datetime.now(timezone.utc).isoformat()`, always with six digits. */
function pythonTime(time: Date): string {
  return time.toISOString().replace('Z', '000+00:00');
}

function refuseReserved(value: unknown, field: string): void {
  if (typeof value !== 'object' || value === null) return;
  if (isTranscoded(value)) throw refused(field, 'its keys are reserved by BIOMERO');
  for (const inner of Object.values(value)) refuseReserved(inner, field);
}

function refused(field: string, reason: string, cause?: unknown): Error {
  return bridgeError('TRACKING_VALUE_REFUSED', { field, reason }, { cause });
}
