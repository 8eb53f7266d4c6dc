/**
 * How Ice values look in JavaScript: bool, numbers and string as themselves; `long` as number, or bigint beyond the safe
 * integers; a byte sequence as Uint8Array, other sequences as arrays; dictionaries as Map; an enumerator as its number;
 * a class instance as `IceObject` (shared and cyclic references keep their identity) or null; a proxy as `IceProxy` or null.
 */

export interface IceObject {
  /** Slice type id, `::omero::model::Image`: the most derived one that the schema knows. */
  $type: string;
  /** Set by the decoder when the instance was of a class that the schema lacks: the type id as sent. */
  $sliced?: string;
  [member: string]: unknown;
}

export interface IceIdentity {
  readonly category: string;
  readonly name: string;
}

/** An endpoint is carried as received: its type number, and its body with the encoding version's two bytes in front. */
export interface IceEndpoint {
  readonly type: number;
  readonly body: Uint8Array;
}

export interface IceProxy {
  readonly identity: IceIdentity;
  readonly facet: string;
  /** 0 twoway, 1 oneway, 2 batch oneway, 3 datagram, 4 batch datagram. */
  readonly mode: number;
  readonly secure: boolean;
  readonly endpoints: readonly IceEndpoint[];
  /** Only meaningful without endpoints. */
  readonly adapterId: string;
}

/** A twoway proxy without endpoints: enough behind a Glacier2 router, where the connection is the address. */
export function proxyTo(category: string, name: string, facet = ''): IceProxy {
  return { identity: { category, name }, facet, mode: 0, secure: false, endpoints: [], adapterId: '' };
}

/** A Slice user exception: thrown by `IceConnection.invoke`, and thrown by a server's dispatch to send one. */
export class IceException extends Error {
  readonly typeId: string;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(typeId: string, members: Record<string, unknown> = {}, options?: { cause?: unknown }) {
    const text = members['message'] ?? members['reason'];
    super(typeof text === 'string' && text !== '' ? text : typeId, options);
    this.name = 'IceException';
    this.typeId = typeId;
    this.members = members;
  }
}

export const dispatchFailures = {
  objectNotExist: 2,
  facetNotExist: 3,
  operationNotExist: 4,
  unknownLocalException: 5,
  unknownUserException: 6,
  unknownException: 7,
} as const;
export type DispatchFailure = keyof typeof dispatchFailures;

/** A request that its receiver could not dispatch: thrown by `invoke`, and thrown by a server's dispatch to send one. */
export class IceDispatchError extends Error {
  readonly failure: DispatchFailure;

  constructor(failure: DispatchFailure, message: string = failure) {
    super(message);
    this.name = 'IceDispatchError';
    this.failure = failure;
  }
}

/** Bytes that are no valid Ice message for the schema, or a value that cannot be written as the type asked for. */
export class IceMarshalError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'IceMarshalError';
  }
}

export type ConnectionFailure = 'unreachable' | 'refusedByTls' | 'lost' | 'closed' | 'timeout' | 'protocol';

/** The connection could not be made, broke, was closed, or stayed silent beyond the time-out. */
export class IceConnectionError extends Error {
  readonly failure: ConnectionFailure;

  constructor(failure: ConnectionFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'IceConnectionError';
    this.failure = failure;
  }
}
