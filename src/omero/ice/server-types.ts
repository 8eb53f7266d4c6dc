import type { IceIdentity } from './values.ts';

/** One client's connection, as the dispatch function sees it. */
export interface IceServerConnection {
  /** Unique within the server's life. */
  readonly id: number;
  /** For the dispatch function's own use: the session that belongs to this connection, for instance. */
  state: unknown;
  /** Calls back once when the connection has ended, for whatever reason; at once when it already has. */
  onClose(callback: () => void): void;
  close(): void;
}

export interface IncomingRequest {
  readonly connection: IceServerConnection;
  readonly identity: IceIdentity;
  readonly facet: string;
  readonly operation: string;
  readonly context: Map<string, string>;
  /**
   * Decodes the parameters as those of `operation` in the interface (a key of the schema's interfaces, `IQuery`); the
   * result is then written with the same signature. Throws IceDispatchError `operationNotExist` for an operation that
   * the interface lacks, so that a servant needs no list of its own. `ice_ping` and its kin belong to every interface.
   */
  arguments(iface: string): unknown[];
}

/**
 * Answers one request with its result (undefined for void). Throws IceException for a user exception and IceDispatchError
 * for an unknown object, facet or operation; anything else thrown reaches the client as UnknownException.
 * A request whose `arguments` were never asked for can only be answered with nothing.
 */
export type Dispatch = (request: IncomingRequest) => Promise<unknown>;
