/** Most bytes of the entries that a thread keeps in memory. */
const mostBytes = 2 ** 26;
/** An entry makes room for others when this many bytes were read from them since its last read. */
const idleBytes = 2 ** 25;
/** Longer reads cost more than the system call that memory saves. */
const smallBytes = 2 ** 14;
/** An entry is kept after small reads of this share of it, since more of it will be read. */
const readShare = 1 / 16;

/** An entry whose content can be read. */
interface Entry {
  readonly byteLength: number;
  /** Fills `target` with the bytes from `start` on. @returns whether the entry has them */
  fill(target: Uint8Array, start: number): boolean;
}

interface Use {
  /** Bytes of small reads since the entry was last considered. */
  read: number;
  /** All bytes of small reads at its last one. */
  lastRead: number;
  content?: Uint8Array | undefined;
}

/**
 * Contents of the entries of a cache of which many small parts are read, at most 64 MiB in a thread. An entry that is still read is never
 * dropped for another: with entries that do not fit, read in random order, those that were first stay.
 */
export class EntryMemory {
  readonly #uses = new Map<Entry, Use>();
  /** Sum of the contents. */
  #bytes = 0;
  /** Sum of the small reads. */
  #read = 0;

  /** The content of an entry of which `length` bytes are read, if it is kept. */
  contentOf(entry: Entry, length: number): Uint8Array | undefined {
    if (length > smallBytes) return undefined;
    const use = this.#uses.get(entry) ?? { read: 0, lastRead: 0 };
    this.#uses.set(entry, use);
    this.#read += length;
    use.lastRead = this.#read;
    if (use.content) return use.content;
    use.read += length;
    if (use.read < readShare * entry.byteLength) return undefined;
    use.read = 0;
    if (!this.#makeRoom(entry.byteLength)) return undefined;
    const content = new Uint8Array(entry.byteLength);
    if (!entry.fill(content, 0)) return undefined;
    this.#bytes += content.length;
    use.content = content;
    return content;
  }

  forget(entry: Entry): void {
    this.#bytes -= this.#uses.get(entry)?.content?.length ?? 0;
    this.#uses.delete(entry);
  }

  /** Drops contents that are no longer read. @returns whether there is room */
  #makeRoom(bytes: number): boolean {
    for (const use of this.#uses.values()) {
      if (this.#bytes + bytes <= mostBytes) return true;
      if (!use.content || this.#read - use.lastRead < idleBytes) continue;
      this.#bytes -= use.content.length;
      use.content = undefined;
    }
    return this.#bytes + bytes <= mostBytes;
  }
}
