import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a client and PostgreSQL's unix socket, to do to their connections what networks do. */
export class DatabaseProxy {
  readonly #target: string;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #server: Server;
  readonly #port: number;
  /** The same database, through this. */
  readonly url: string;

  private constructor(server: Server, target: string, who: string, database: string) {
    this.#server = server;
    this.#target = target;
    this.#port = (server.address() as AddressInfo).port;
    this.url = `postgresql://${who}@127.0.0.1:${this.#port}/${database}?sslmode=disable`;
    server.on('connection', (socket) => this.#join(socket));
  }

  /** @param url of a database on a unix socket */
  static async open(url: string): Promise<DatabaseProxy> {
    const [, who, database, query] = /^postgresql:\/\/([^@]+)@\/([^?]+)\?(.*)$/.exec(url) ?? [];
    const folder = new URLSearchParams(query).get('host');
    if (who === undefined || database === undefined || !folder) throw new Error(`not on a unix socket: ${url}`);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new DatabaseProxy(server, `${folder}/.s.PGSQL.5432`, who, database);
  }

  /** All connections end, and nobody answers any more. */
  async away(): Promise<void> {
    this.#server.close();
    for (const [client, server] of this.#pairs) for (const socket of [client, server]) socket.destroy();
    await once(this.#server, 'close');
  }

  async back(): Promise<void> {
    this.#server = createServer((socket) => this.#join(socket)).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** What is connected hears nothing any more, and no end of it; new connections are as ever. */
  silence(): void {
    for (const [client, server] of this.#pairs) {
      client.unpipe(server);
      server.unpipe(client);
      client.resume();
      server.destroy();
    }
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.away();
  }

  #join(client: Socket): void {
    const server = createConnection(this.#target);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const socket of pair) socket.on('error', () => undefined);
    client.pipe(server);
    server.pipe(client);
    client.on('close', () => {
      this.#pairs.delete(pair);
      server.destroy();
    });
  }
}
