/** One fileset as the importer prints it on stdout with `--output yaml`. */
export interface FilesetBlock {
  filesetId: number;
  imageIds: number[];
  plateIds: number[];
}

/** Reads the importer's YAML line by line; a block is whole when the next begins, or at `end`. */
export class YamlBlocks {
  #open: FilesetBlock | null = null;

  /** Takes one line and returns the block that it ended, if any. Lines of another form are not the importer's ids. */
  line(line: string): FilesetBlock | null {
    if (line.trim() === '---') return this.end();
    const found = /^[\s-]*(Fileset|Image|Plate):\s*\[?([\d,\s]*)\]?\s*$/.exec(line);
    if (!found) return null;
    const ids = (found[2] ?? '').split(',').flatMap((id) => (id.trim() === '' ? [] : [Number(id)]));
    if (found[1] === 'Fileset') {
      const ended = this.end();
      const [filesetId] = ids;
      this.#open = filesetId === undefined ? null : { filesetId, imageIds: [], plateIds: [] };
      return ended;
    }
    if (found[1] === 'Image') this.#open?.imageIds.push(...ids);
    else this.#open?.plateIds.push(...ids);
    return null;
  }

  /** True while a block may get more lines. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  end(): FilesetBlock | null {
    const ended = this.#open;
    this.#open = null;
    return ended;
  }
}
