import type { Logger } from 'pino';
import type { IceServerConnection, IncomingRequest } from '../../omero/ice/server-types.ts';
import { proxyTo, type IceEndpoint, type IceProxy } from '../../omero/ice/values.ts';
import type { LiveSession, LiveSessions } from './live-sessions.ts';
import type { Passwords } from './people.ts';
import { Actor } from './rights.ts';
import type { Store } from './store.ts';
import type { Submitted } from './services/handle.ts';
import type { RawFile } from './services/raw-files.ts';

/** What the services work on. */
export interface ServerContext {
  readonly store: Store;
  readonly sessions: LiveSessions;
  readonly people: Passwords;
  readonly log: Logger;
  /** Values that IConfig tells, by key. */
  readonly config: ReadonlyMap<string, string>;
  /** Where this server's objects are; other clients than ours do not take proxies without an address. */
  readonly endpoints: IceEndpoint[];
  /** Folder of files that are no images: attachments. */
  readonly filesFolder: string;
}

/** What belongs to one client's connection after it signed in. */
export interface ClientState {
  readonly session: LiveSession;
  /** Category of all its proxies, as Glacier2 gives it to the client. */
  readonly category: string;
  /** Names of the proxies that the client has made known to the router. */
  readonly known: Set<string>;
  readonly rawFiles: Map<string, RawFile>;
  /** Files of open tables, by the name of the table. */
  readonly tables: Map<string, number>;
  /** Answers to submitted requests, by the name of their handle. */
  readonly handles: Map<string, Submitted>;
  /** The session outlives this client even when it is the last. */
  detached: boolean;
}

/** One call of one operation by somebody signed in. */
export class Call {
  readonly server: ServerContext;
  readonly connection: IceServerConnection;
  readonly client: ClientState;
  readonly context: ReadonlyMap<string, string>;
  readonly objectName: string;
  #actor: Actor | null = null;

  constructor(server: ServerContext, request: IncomingRequest, client: ClientState) {
    this.server = server;
    this.connection = request.connection;
    this.client = client;
    this.context = request.context;
    this.objectName = request.identity.name;
  }

  get session(): LiveSession {
    return this.client.session;
  }

  /** Who calls, in the group of the call's context. */
  get actor(): Actor {
    this.#actor ??= new Actor(this.server.store, this.session, this.context);
    return this.#actor;
  }

  /** The caller in all groups that he may see, whatever the context says. */
  get everywhere(): Actor {
    return new Actor(this.server.store, this.session, new Map([['omero.group', '-1']]));
  }

  proxy(name: string): IceProxy {
    return { ...proxyTo(this.client.category, name), endpoints: this.server.endpoints };
  }
}

export type Operation = (call: Call, args: readonly unknown[]) => unknown;

/** Operations of one interface that this server supports; the others are refused by name. */
export type Service = Readonly<Record<string, Operation>>;
