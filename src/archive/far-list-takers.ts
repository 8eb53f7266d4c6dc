/** What is made of a list of the results while it is read. */
import { checkEntryName, EntryTree, showName } from './entry-name.ts';
import { firstNames, refused, type FarFolder, type FarList } from './far-folder.ts';

/** Takes what is listed, one by one; `kind`: a letter as `find -printf %y` has them. */
export interface ListTaker {
  add(kind: string, name: Buffer, bytes: number, changed: string): void;
}

/** Makes a list, and refuses what does not belong into results. */
export class ListBuilder implements ListTaker {
  readonly list: FarList = { files: new Map(), folders: new Set(), bytes: 0 };
  readonly #folder: FarFolder;
  readonly #tree = new EntryTree();

  constructor(folder: FarFolder) {
    this.#folder = folder;
  }

  add(kind: string, raw: Buffer, bytes: number, changed: string): void {
    const refuse = (reason: string): Error => refused(this.#folder, showName(raw), reason);
    if (kind !== 'f' && kind !== 'd') throw refuse(`it is a ${kindNames[kind] ?? 'special file'}`);
    const name = checkEntryName(raw);
    if (name.refused !== undefined) throw refuse(name.refused);
    const conflict = this.#tree.add(name.path, kind === 'f' ? 'file' : 'folder');
    if (conflict !== null) throw refuse(conflict);
    if (kind === 'd') this.list.folders.add(name.path);
    else {
      this.list.files.set(name.path, { path: name.path, bytes, changed });
      this.list.bytes += bytes;
    }
  }
}

/** Whether files are as they were listed, without a list of its own: there may be half a million. */
export class ListComparer implements ListTaker {
  readonly #before: FarList;
  #files = 0;
  #same = 0;

  constructor(before: FarList) {
    this.#before = before;
  }

  add(kind: string, raw: Buffer, bytes: number, changed: string): void {
    if (kind === 'd') return;
    this.#files++;
    const was = kind === 'f' ? this.#before.files.get(raw.toString('utf8')) : undefined;
    if (was?.bytes === bytes && was.changed === changed) this.#same++;
  }

  isSame(): boolean {
    return this.#files === this.#before.files.size && this.#same === this.#files;
  }
}

const kindNames: Record<string, string> = {
  l: 'symbolic link',
  b: 'device',
  c: 'device',
  p: 'named pipe',
  s: 'socket',
};

/** How two lists differ, for people; null when they are the same. */
export function differenceOf(before: FarList, after: FarList): string | null {
  const changed: string[] = [];
  for (const [path, file] of after.files) {
    const was = before.files.get(path);
    if (was?.bytes !== file.bytes || was.changed !== file.changed) changed.push(path);
  }
  for (const path of before.files.keys()) if (!after.files.has(path)) changed.push(path);
  if (changed.length === 0) return null;
  return `${changed.length} of ${after.files.size} files changed meanwhile, first ${firstNames(changed)}`;
}
