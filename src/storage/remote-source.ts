import pLimit, { type LimitFunction } from 'p-limit';
import { ObjectChangedError, StorageError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { isNode } from '../core/platform.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { timeRead } from '../core/stage-clock.js';
import { allocate } from './allocate.js';
import type { ByteSource } from './byte-source.js';
import { refuseEncoded } from './content-encoding.js';
import { locationOf } from './location-of.js';
import {
  contentRange,
  type FirstLook,
  lengthOf,
  lookAt,
  type ObjectVersion,
  strongTag,
  validatorOf,
  warnOfNoVersion,
} from './object-version.js';
import { cutShort } from './passing-failure.js';
import { type RemoteAnswer, RemoteClient } from './remote-client.js';
import type { RemoteLocation } from './remote-location.js';
import {
  movableOptions,
  type ResolvedStorageOptions,
  type StorageOptions,
  storageOptions,
} from './storage-options.js';
import { checkRange } from './truncated.js';

/** A gap of at most this many bytes is cheaper to fetch than a second request: 20 ms at 12 MB/s. */
const worthwhileGap = 2 ** 18;
/** Longer ranges are fetched in parallel parts. */
const partBytes = 2 ** 23;
/** An attempt that delivers this many bytes counts as progress; with fewer, retries might never end. */
const progressBytes = 2 ** 14;
/** Bytes that are read of the first response, so that its connection can be reused. */
const firstBytes = 2 ** 16;

interface PendingRead {
  readonly start: number;
  readonly end: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An object behind an `http:`, `https:`, `s3:` or `hf:` URL, read by ranges. Nearby reads of the same turn become one request.
 * Temporary failures are retried from the byte where they occurred. Every response must have the length and `ETag` of the
 * version that was opened.
 */
export class RemoteSource implements ByteSource, Movable {
  readonly name: string;
  readonly byteLength: number;
  /** The version that every response must match. */
  readonly version: ObjectVersion;
  readonly #url: string;
  readonly #options: ResolvedStorageOptions;
  readonly #location: RemoteLocation;
  readonly #client: RemoteClient;
  readonly #limit: LimitFunction;
  readonly #servesRanges: boolean;
  #waiting: PendingRead[] = [];
  #closed = false;

  private constructor(
    { url, options, servesRanges, version }: RemoteRecipe,
    location: RemoteLocation,
    client: RemoteClient,
  ) {
    this.name = location.name;
    this.version = version;
    this.byteLength = version.byteLength;
    this.#url = url;
    this.#options = options;
    this.#servesRanges = servesRanges;
    this.#location = location;
    this.#client = client;
    this.#limit = pLimit(options.concurrency);
  }

  /**
   * Requests the first two bytes (one server answers `0-0` with everything) for length and version. One request.
   *
   * @throws {@link StorageError} if the object does not exist, access is denied, or the server does not respond.
   */
  static async open(url: string, options: StorageOptions = {}): Promise<RemoteSource> {
    const resolved = storageOptions(options);
    const location = locationOf(url, resolved);
    const client = new RemoteClient(resolved);
    const look = async (answer: RemoteAnswer) => {
      const looked = lookAt(location, answer);
      // A connection is reused if its response was read.
      let read = 0;
      if (answer.status !== 200)
        for await (const piece of answer.body) {
          read += piece.length;
          if (read > firstBytes) break;
        }
      return looked;
    };
    const opened = await client.get(location, { range: 'bytes=0-1' }, look, [416]);
    if (opened.version.validator === null) warnOfNoVersion(location.name);
    return new RemoteSource({ url, options: resolved, ...opened }, location, client);
  }

  read(start: number, end: number): Promise<Uint8Array> {
    return timeRead(() => this.#enqueue(start, end));
  }

  #enqueue(start: number, end: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#check(start, end);
      if (start === end) return resolve(new Uint8Array(0));
      // Reads of the same turn are grouped.
      if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
      this.#waiting.push({ start, end, resolve, reject });
    });
  }

  stream(start = 0): AsyncGenerator<Uint8Array> {
    return this.#pieces(start, this.byteLength);
  }

  /** Includes the URL with query and credentials, and the headers: with others the object may differ. */
  contentVersion(): string | null {
    return this.version.validator && JSON.stringify({ ...this.version, object: this.#identity() });
  }

  /** A hash, from which nothing can be read. */
  #identity(): string {
    return fingerprint({ url: this.#url, headers: this.#options.headers });
  }

  [toRecipe](): Recipe {
    const args: RemoteRecipe = {
      url: this.#url,
      options: movableOptions(this.#options),
      version: this.version,
      servesRanges: this.#servesRanges,
    };
    return { builtIn: 'RemoteSource', args };
  }

  /** Reopens the same version in another thread, without a request. */
  static fromRecipe(recipe: RemoteRecipe): RemoteSource {
    const { url, options } = recipe;
    return new RemoteSource(recipe, locationOf(url, options), new RemoteClient(options));
  }

  close(): void {
    this.#closed = true;
  }

  #check(start: number, end: number): void {
    if (this.#closed) {
      throw new StorageError('Cannot read the object: it was closed', {
        where: { url: this.name },
        next: 'Open it again, or close it later.',
      });
    }
    checkRange(this.name, this.byteLength, start, end);
  }

  /** Requests the waiting reads: neighbors together, long ranges in parts. */
  #flush(): void {
    const reads = this.#waiting.sort((a, b) => a.start - b.start);
    this.#waiting = [];
    let group: PendingRead[] = [];
    let groupEnd = 0;
    for (const read of reads) {
      const first = group[0];
      if (first && (read.start - groupEnd > worthwhileGap || read.end - first.start > partBytes)) {
        void this.#fetchGroup(group, groupEnd);
        group = [];
        groupEnd = 0;
      }
      group.push(read);
      groupEnd = Math.max(groupEnd, read.end);
    }
    if (group.length > 0) void this.#fetchGroup(group, groupEnd);
  }

  async #fetchGroup(group: readonly PendingRead[], end: number): Promise<void> {
    const { start } = group[0]!;
    try {
      const bytes = allocate(this.name, end - start);
      const parts: Promise<void>[] = [];
      for (let at = start; at < end; at += partBytes) {
        const target = bytes.subarray(at - start, Math.min(at + partBytes, end) - start);
        parts.push(this.#limit(() => this.#fetchInto(target, at)));
      }
      await Promise.all(parts);
      for (const read of group) {
        const isAll = read.start === start && read.end === end;
        read.resolve(isAll ? bytes : bytes.slice(read.start - start, read.end - start));
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  /** Fills `target` with the bytes from `start` on. */
  async #fetchInto(target: Uint8Array, start: number): Promise<void> {
    if (!this.#servesRanges && start + target.length > partBytes) throw this.#noRanges();
    let filled = 0;
    for await (const piece of this.#pieces(start, start + target.length)) {
      target.set(piece, filled);
      filled += piece.length;
    }
  }

  /** Bytes `start … end - 1` as they arrive. Resumes where a connection breaks off. */
  async *#pieces(start: number, end: number): AsyncGenerator<Uint8Array> {
    this.#check(start, end);
    const backoff = this.#client.backoff();
    let at = start;
    let progress = 0;
    while (at < end) {
      try {
        // A browser may request a whole object compressed, but never a range.
        const isAll = isNode && at === 0 && end === this.byteLength;
        const range = this.#servesRanges && !isAll && { range: `bytes=${at}-${end - 1}` };
        const answer = await this.#client.ask(
          this.#location,
          { ...this.#versionHeaders(), ...range },
          [412, 416],
        );
        try {
          this.#checkVersion(answer, range ? at : 0);
          let position = range ? at : 0;
          for await (const piece of answer.body) {
            // A server without ranges starts at the beginning.
            const wanted = piece.subarray(Math.max(0, at - position), Math.max(0, end - position));
            position += piece.length;
            if (wanted.length === 0) continue;
            at += wanted.length;
            progress += wanted.length;
            if (progress >= progressBytes) {
              progress = 0;
              backoff.progressed();
            }
            yield wanted;
            if (at === end) return;
          }
          throw cutShort(at - start, end - start);
        } finally {
          answer.cancel();
        }
      } catch (error) {
        await this.#client.recover(this.#location, backoff, error);
      }
    }
  }

  /** A weak ETag cannot be used in a condition: it stands for equal meaning, not for equal bytes. */
  #versionHeaders(): Record<string, string> {
    const tag = strongTag(this.version);
    return tag === undefined ? {} : { 'if-match': tag };
  }

  /** Checks that a response starts at byte `start` and is of the version that was opened. */
  #checkVersion({ status, headers }: RemoteAnswer, start: number): void {
    if (status === 412 || status === 416) throw this.#changed('is not the version that was opened');
    refuseEncoded(this.name, headers);
    const validator = validatorOf(headers);
    if (validator !== this.version.validator)
      throw this.#changed(`has the version ${validator}, not ${this.version.validator}`);
    const place = contentRange(headers);
    const total = status === 206 ? place?.total : lengthOf(headers);
    if (total !== undefined && total !== this.byteLength) {
      // The same version with another length is a response that broke on its way.
      if (validator !== null) throw cutShort(total, this.byteLength);
      throw this.#changed(`has ${total} bytes, not ${this.byteLength}`);
    }
    const first = status === 206 ? place?.start : 0;
    if (first === start) return;
    if (status === 200) throw this.#noRanges();
    throw new StorageError(`The server sent bytes from ${first} on, not from ${start}`, {
      where: { url: this.name },
      next: 'Check the server, or a proxy before it.',
    });
  }

  #changed(how: string): ObjectChangedError {
    return new ObjectChangedError(`The object was changed while it was read: it ${how}`, {
      where: { url: this.name },
      next: 'Open the dataset again, and keep its objects as they are during a run.',
    });
  }

  #noRanges(): StorageError {
    return new StorageError('The server sends this object only whole, not in ranges', {
      where: { url: this.name, byteLength: this.byteLength },
      next: 'Read it through a cache, or copy it to a server or disk that can be read at any place.',
    });
  }
}

interface RemoteRecipe extends FirstLook {
  readonly url: string;
  readonly options: ResolvedStorageOptions;
}
