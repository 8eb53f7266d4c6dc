/**
 * Entries of a zip in columns: an object for each of half a million would take most of the memory that unpacking needs.
 * Rows keep their order; `ordered` gives them by where their data lie.
 */
import type { StagedFile } from './transfer.ts';
import type { PlannedEntry } from './unpack-entries.ts';

const columns = ['method', 'flags', 'crc', 'packed', 'bytes', 'offset', 'mtime'] as const;
const hashBytes = 32;

export class EntryTable {
  #length = 0;
  #rows = 1024;
  #numbers = new Float64Array(this.#rows * columns.length);
  /** End of each path in `#names`. */
  #ends = new Float64Array(this.#rows);
  #names = Buffer.allocUnsafeSlow(64 * 1024);
  #hashes = Buffer.alloc(0);
  /** Names whose bytes in the zip are not those of the path. */
  readonly #raw = new Map<number, string>();
  #order = new Uint32Array(0);
  #directoryAt = 0;

  get length(): number {
    return this.#length;
  }

  add(entry: Omit<PlannedEntry, 'end'>): void {
    const row = this.#length++;
    if (row === this.#rows) this.#grow();
    columns.forEach((column, i) => (this.#numbers[row * columns.length + i] = entry[column]));
    const at = this.#endOf(row - 1);
    const path = Buffer.from(entry.path);
    if (at + path.length > this.#names.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (at + path.length));
      this.#names.copy(larger, 0, 0, at);
      this.#names = larger;
    }
    path.copy(this.#names, at);
    this.#ends[row] = at + path.length;
    if (entry.raw !== path.toString('latin1')) this.#raw.set(row, entry.raw);
  }

  /** Puts the rows in order once all are there; the data of none reach beyond `directoryAt`. */
  close(directoryAt: number): void {
    const offset = columns.indexOf('offset');
    const of = (row: number): number => this.#numbers[row * columns.length + offset] ?? 0;
    this.#directoryAt = directoryAt;
    this.#order = Uint32Array.from({ length: this.#length }, (_, i) => i).sort((a, b) => of(a) - of(b));
    this.#hashes = Buffer.alloc(this.#length * hashBytes);
  }

  path(row: number): string {
    return this.#names.toString('utf8', this.#endOf(row - 1), this.#endOf(row));
  }

  /** All entries by where their data lie, each made for its turn, with the number that `setHash` asks for. */
  *ordered(): Generator<{ row: number; entry: PlannedEntry }> {
    let next: PlannedEntry | undefined;
    for (let place = 0; place < this.#length; place++) {
      const row = this.#order[place] ?? 0;
      const entry: PlannedEntry = next ?? this.#entry(row);
      next = place + 1 < this.#length ? this.#entry(this.#order[place + 1] ?? 0) : undefined;
      entry.end = next?.offset ?? this.#directoryAt;
      yield { row, entry };
    }
  }

  /** Notes the SHA-256 of an entry that is written. */
  setHash(row: number, sha256: string): void {
    this.#hashes.write(sha256, row * hashBytes, hashBytes, 'hex');
  }

  /** The files, sorted by their paths. */
  staged(): StagedFile[] {
    const bytes = columns.indexOf('bytes');
    const files = Array.from({ length: this.#length }, (_, row) => ({
      path: this.path(row),
      bytes: this.#numbers[row * columns.length + bytes] ?? 0,
      sha256: this.#hashes.toString('hex', row * hashBytes, (row + 1) * hashBytes),
    }));
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #entry(row: number): PlannedEntry {
    const number = (i: number): number => this.#numbers[row * columns.length + i] ?? 0;
    const [from, to] = [this.#endOf(row - 1), this.#endOf(row)];
    const [method, flags, crc, packed, bytes, offset, mtime] = [0, 1, 2, 3, 4, 5, 6].map(number) as Seven;
    const raw = this.#raw.get(row) ?? this.#names.toString('latin1', from, to);
    return { path: this.path(row), raw, method, flags, crc, packed, bytes, offset, end: 0, mtime };
  }

  #endOf(row: number): number {
    return row < 0 ? 0 : (this.#ends[row] ?? 0);
  }

  #grow(): void {
    this.#rows *= 2;
    const numbers = new Float64Array(this.#rows * columns.length);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const ends = new Float64Array(this.#rows);
    ends.set(this.#ends);
    this.#ends = ends;
  }
}

type Seven = [number, number, number, number, number, number, number];
