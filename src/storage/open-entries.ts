import { EntryMemory } from './entry-memory.js';
import { OpenEntry } from './open-entry.js';

/** Most files that a thread keeps open. Each worker has its own. */
const mostOpen = 512;

/** The entries of a cache that this thread holds open: the last ones that it opened. */
export class OpenEntries {
  readonly #entries = new Map<string, OpenEntry>();
  readonly #memory = new EntryMemory();

  get(path: string): OpenEntry | undefined {
    const entry = this.#entries.get(path);
    return entry?.isThere() ? entry : undefined;
  }

  /** @returns `undefined` if there is no such file, or it is incomplete */
  open(path: string): OpenEntry | undefined {
    this.close(path);
    const entry = OpenEntry.open(path, this.#memory);
    if (!entry) return undefined;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < mostOpen) break;
      this.close(oldest);
    }
    this.#entries.set(path, entry);
    return entry;
  }

  /** Writes the dates of use, which tell every process what to evict first. */
  writeDates(): void {
    for (const entry of this.#entries.values()) if (!entry.isClosed) entry.writeDate();
  }

  close(path: string): void {
    this.#entries.get(path)?.close();
    this.#entries.delete(path);
  }

  closeAll(): void {
    for (const path of this.#entries.keys()) this.close(path);
  }
}
