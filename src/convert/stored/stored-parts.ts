import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { checkedJson, parseCheckedJson } from '../../core/checked-json.js';
import { isIntact } from '../../parts/checksum.js';
import { type PartReceipt, partName, type WrittenFile } from '../../parts/part-receipt.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import { makeFolder } from '../../storage/make-folder.js';
import { type ObjectStore, readObject } from '../../storage/object-store.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import type { ConversionTarget } from '../manifest.js';
import type { Part, PartWriter } from '../part.js';
import type { TokenStorage } from '../token-parts.js';

/** A conversion whose parts several machines write. Plain data, the same for all of them. */
export interface StoredConversion {
  readonly to: ConversionTarget;
  /** Absolute path or URL of the output: the folder of the shards, or the prefix of the pair. */
  readonly output: string;
  /** Identifies input and options. */
  readonly job: string;
  /** Inputs for the manifest, without secrets. */
  readonly inputs: readonly string[];
  readonly samples: number;
  readonly parts: number;
  /** How tokens are stored; for a conversion to tokens. */
  readonly tokens?: TokenStorage | undefined;
  /** Most samples that may fail, in a map. */
  readonly maxFailures?: number | undefined;
}

const partsFolder = 'parts';

/** Location of the parts of an unfinished conversion. */
export function workLocation(output: string): string {
  return `${output}.converting`;
}

/** The store that holds an output, and the name of the output in it. */
export async function parentOf(
  output: string,
): Promise<{ readonly store: ObjectStore; readonly name: string }> {
  const slash = Math.max(output.lastIndexOf('/'), output.lastIndexOf('\\'));
  return {
    store: await openObjectStore(slash === 0 ? '/' : output.slice(0, slash)),
    name: output.slice(slash + 1),
  };
}

/**
 * The parts of a conversion in a store that several machines share. A receipt marks a part as whole. In a folder, parts
 * are kept beside the output until all are whole. In a bucket, where nothing can be renamed, shards get their final
 * names at once, and the manifest, written last, says that the output is complete.
 */
export class StoredParts {
  readonly conversion: StoredConversion;
  readonly work: ObjectStore;
  /** The store of the output, and the name of the output in it. */
  readonly target: ObjectStore;
  readonly name: string;

  private constructor(conversion: StoredConversion, work: ObjectStore, target: ObjectStore, name: string) {
    this.conversion = conversion;
    this.work = work;
    this.target = target;
    this.name = name;
  }

  static async open(conversion: StoredConversion): Promise<StoredParts> {
    const { store, name } = await parentOf(conversion.output);
    return new StoredParts(conversion, await openObjectStore(workLocation(conversion.output)), store, name);
  }

  /** Whether shards are stored under their final names. */
  get isInPlace(): boolean {
    return this.target.folder === undefined && this.conversion.to !== 'tokens';
  }

  /** Writes a part, unless it is whole. */
  async make(part: Part, writer: PartWriter, onProgress: OnPartProgress): Promise<PartReceipt> {
    const known = await this.wholePart(part.number);
    if (known) {
      onProgress({ samples: known.samples, tokens: known.tokens ?? 0 });
      return known;
    }
    const folder = this.scratchFolder();
    try {
      const receipt = await writer.write(part, folder, onProgress);
      for (const { name } of receipt.files) {
        const [store, stored] = this.placeOf(name);
        await store.putFile(stored, join(folder, name));
      }
      await this.work.put(receiptName(part.number), new TextEncoder().encode(checkedJson(receipt)));
      return receipt;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The receipt of a part whose files are there; `undefined` if there is none. */
  async wholePart(number: number): Promise<PartReceipt | undefined> {
    const receipt = parseReceipt(await readObject(this.work, receiptName(number)));
    if (receipt?.number !== number) return undefined;
    for (const file of receipt.files) if (!(await this.#isThere(file))) return undefined;
    return receipt;
  }

  /** The store and name under which the file of a part is kept. */
  placeOf(file: string): [ObjectStore, string] {
    return this.isInPlace ? [this.target, `${this.name}/${file}`] : [this.work, `${partsFolder}/${file}`];
  }

  /** A new folder for unfinished files, on the disk of the store if it is a folder. */
  scratchFolder(): string {
    const parent = this.work.folder ?? tmpdir();
    makeFolder(parent);
    return mkdtempSync(join(parent, 'millrace-scratch-'));
  }

  async #isThere(file: WrittenFile): Promise<boolean> {
    const [store, name] = this.placeOf(basename(file.name));
    if (store.folder !== undefined) return isIntact(join(store.folder, partsFolder), file);
    const source = await store.open(name);
    source?.close();
    return source?.byteLength === file.byteLength;
  }
}

function receiptName(part: number): string {
  return `${partName(part)}.json`;
}

function parseReceipt(bytes: Uint8Array | undefined): PartReceipt | undefined {
  if (!bytes) return undefined;
  try {
    const receipt = parseCheckedJson<PartReceipt>(new TextDecoder().decode(bytes));
    return Array.isArray(receipt.files) ? receipt : undefined;
  } catch {
    return undefined;
  }
}
