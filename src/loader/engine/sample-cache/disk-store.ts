import { warn } from '../../../core/warn.js';
import type { SampleStore } from './kept-samples.js';

export interface DiskStoreOptions {
  readonly folder: string;
  /** Most bytes in the folder, about. */
  readonly maxBytes: number;
  /** What the samples are made from: code, options and data. */
  readonly identity: string;
}

/** Before the bytes of a sample: magic, CRC-32, length. */
const headerBytes = 12;
const magic = 0x3153524d;
/** Folders per identity, so that none holds too many files. */
const folders = 256;
/** The sizes of all files are summed again each time this share of the limit was written. */
const lookShare = 1 / 64;
/** Samples of other code that were used this recently are not evicted: another loader may be using them. */
const inUseMs = 600_000;

/**
 * Samples as files that threads, processes and runs share: `<identity>/<index % 256>/<index>`. A file is written under another name
 * and renamed, so that a process killed at any moment leaves no part of a sample; a damaged file counts as absent and is written again.
 *
 * When the folder is full, the samples of other identities are evicted, the least recently used identity first. If its own samples
 * alone fill it, further ones are not kept: evicting them would drop samples just before they are needed.
 */
export class DiskStore implements SampleStore {
  readonly #fs = process.getBuiltinModule('node:fs');
  readonly #path = process.getBuiltinModule('node:path');
  readonly #crc32 = process.getBuiltinModule('node:zlib').crc32;
  readonly #root: string;
  readonly #own: string;
  readonly #maxBytes: number;
  readonly #known = new Set<number>();
  readonly #token: string;
  /** Bytes of all files at the last look, and those written since. */
  #bytes = 0;
  #sinceLook = Number.POSITIVE_INFINITY;
  #written = 0;
  #isBroken = false;

  constructor({ folder, maxBytes, identity }: DiskStoreOptions) {
    const { createHash, randomBytes } = process.getBuiltinModule('node:crypto');
    this.#root = folder;
    this.#own = createHash('sha256').update(identity).digest('hex').slice(0, 32);
    this.#maxBytes = maxBytes;
    this.#token = `${process.pid}.${randomBytes(6).toString('hex')}`;
  }

  read(index: number): Uint8Array | undefined {
    let file: Buffer;
    try {
      file = this.#fs.readFileSync(this.#fileOf(index));
    } catch {
      return undefined;
    }
    const content = file.subarray(headerBytes);
    const isWhole =
      file.length >= headerBytes &&
      file.readUInt32LE(0) === magic &&
      file.readUInt32LE(8) === content.length &&
      file.readUInt32LE(4) === this.#crc32(content);
    return isWhole ? content : undefined;
  }

  write(index: number, bytes: Uint8Array): void {
    if (this.#isBroken) return;
    const size = headerBytes + bytes.length;
    try {
      if (!this.#hasRoom(size)) return;
      this.#store(index, bytes);
      this.#bytes += size;
      this.#sinceLook += size;
    } catch (error) {
      this.#isBroken = true;
      const why = error instanceof Error ? error.message : String(error);
      warn({
        code: 'MILLRACE_SAMPLE_CACHE',
        message: `Samples are no longer kept in ${this.#root}, and are made again each time: ${why}`,
      });
    }
  }

  #store(index: number, bytes: Uint8Array): void {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(magic, 0);
    header.writeUInt32LE(this.#crc32(bytes), 4);
    header.writeUInt32LE(bytes.length, 8);
    const path = this.#fileOf(index);
    if (!this.#known.has(index % folders)) {
      this.#fs.mkdirSync(this.#path.dirname(path), { recursive: true });
      this.#known.add(index % folders);
    }
    const partial = `${path}.${this.#token}.${this.#written++}.partial`;
    try {
      this.#fs.writeFileSync(partial, Buffer.concat([header, bytes]));
      this.#fs.renameSync(partial, path);
    } catch (error) {
      this.#fs.rmSync(partial, { force: true });
      throw error;
    }
  }

  #fileOf(index: number): string {
    return this.#path.join(this.#root, this.#own, String(index % folders), String(index));
  }

  /** Whether a file fits, after eviction if need be. */
  #hasRoom(size: number): boolean {
    if (this.#sinceLook > this.#maxBytes * lookShare) this.#look();
    return this.#bytes + size <= this.#maxBytes;
  }

  /** Sums up the folder, and evicts samples of other identities while it is nearly full. */
  #look(): void {
    this.#sinceLook = 0;
    this.#touch();
    const identities = this.#list(this.#root).map((name) => {
      const path = this.#path.join(this.#root, name);
      const { mtimeMs = 0 } = this.#fs.statSync(path, { throwIfNoEntry: false }) ?? {};
      return { name, path, mtimeMs, bytes: this.#bytesIn(path) };
    });
    this.#bytes = identities.reduce((sum, { bytes }) => sum + bytes, 0);
    const room = this.#maxBytes * (1 - lookShare);
    for (const { name, path, mtimeMs, bytes } of identities.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (this.#bytes <= room) return;
      if (name === this.#own || Date.now() - mtimeMs < inUseMs) continue;
      this.#fs.rmSync(path, { recursive: true, force: true });
      this.#bytes -= bytes;
    }
  }

  /** The modification time of an identity's folder says when it was last used. */
  #touch(): void {
    const own = this.#path.join(this.#root, this.#own);
    this.#fs.mkdirSync(own, { recursive: true });
    const now = new Date();
    this.#fs.utimesSync(own, now, now);
  }

  #bytesIn(folder: string): number {
    let bytes = 0;
    for (const inner of this.#list(folder)) {
      const path = this.#path.join(folder, inner);
      for (const name of this.#list(path))
        bytes += this.#fs.statSync(this.#path.join(path, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  #list(folder: string): string[] {
    try {
      return this.#fs.readdirSync(folder);
    } catch {
      return [];
    }
  }
}
