import { request, type ClientRequest } from 'node:http';

/** One open event stream, as a page has it. */
export class OpenStream {
  readonly #request: ClientRequest;
  /** When an event that holds a text arrived first, by text; ms of `performance.now()`. */
  readonly #seen = new Map<string, number>();
  #rest = '';
  #wanted = '';

  private constructor(url: string, cookie: string, onOpen: (error: Error | null) => void) {
    this.#request = request(url, { headers: { cookie, accept: 'text/event-stream' }, agent: false }, (response) => {
      if (response.statusCode !== 200) onOpen(new Error(`the stream was answered with ${response.statusCode}`));
      response.setEncoding('utf8');
      response.on('data', (text: string) => this.#take(text));
      response.once('data', () => onOpen(null));
    });
    this.#request.on('error', onOpen);
    this.#request.end();
  }

  /** Resolves when the first event has arrived. */
  static async open(url: string, cookie: string): Promise<OpenStream> {
    return new Promise((resolve, reject) => {
      const stream: OpenStream = new OpenStream(url, cookie, (error) => (error ? reject(error) : resolve(stream)));
    });
  }

  want(text: string): void {
    this.#wanted = text;
    this.#rest = '';
  }

  /** When the wanted text arrived; null: not yet. */
  arrivedAt(text: string): number | null {
    return this.#seen.get(text) ?? null;
  }

  close(): void {
    this.#request.destroy();
  }

  #take(text: string): void {
    if (this.#wanted === '' || this.#seen.has(this.#wanted)) return;
    this.#rest = (this.#rest + text).slice(-200_000);
    if (this.#rest.includes(this.#wanted)) this.#seen.set(this.#wanted, performance.now());
  }
}
