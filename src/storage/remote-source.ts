import pLimit, { type LimitFunction } from 'p-limit';
import { StorageError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { isNode } from '../core/platform.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { timeRead } from '../core/stage-clock.js';
import { allocate } from './allocate.js';
import type { ByteSource } from './byte-source.js';
import { inTurn } from './host-turns.js';
import type { KnownVersion } from './listed-object.js';
import { locationOf } from './location-of.js';
import { type FirstLook, lookAt, type ObjectVersion, strongTag, warnOfNoVersion } from './object-version.js';
import { noRanges, OpenedVersion } from './opened-version.js';
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
/** A gap of at most this many bytes is cheaper to fetch than a second request, however little is read. */
const littleGap = 2 ** 14;
/** Longer ranges are fetched in parallel parts. */
const partBytes = 2 ** 23;
/** An attempt that delivers this many bytes counts as progress; with fewer, retries might never end. */
const progressBytes = 2 ** 14;
/** An object of at most this many bytes is streamed in one piece. */
const smallBytes = 2 ** 20;
/** Bytes that are read of the first response, so that its connection can be reused. */
const firstBytes = 2 ** 16;

interface PendingRead {
  readonly start: number;
  readonly end: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An object behind an `http:`, `https:`, `s3:`, `gs:`, `az:` or `hf:` URL, read by ranges. Nearby reads of the same turn become one request.
 * Temporary failures are retried from the byte where they occurred. Every response must have the length and `ETag` of the
 * version that was opened.
 */
export class RemoteSource implements ByteSource, Movable {
  readonly name: string;
  readonly byteLength: number;
  readonly #opened: OpenedVersion;
  readonly #url: string;
  readonly #options: ResolvedStorageOptions;
  readonly #location: RemoteLocation;
  readonly #client: RemoteClient;
  readonly #limit: LimitFunction;
  readonly #servesRanges: boolean;
  /** Whether a listing gave the version. */
  readonly #isListed: boolean;
  #waiting: PendingRead[] = [];
  #closed = false;

  private constructor(
    { url, options, servesRanges, isListed, version }: RemoteRecipe,
    location: RemoteLocation,
    client: RemoteClient,
  ) {
    this.name = location.name;
    this.#opened = new OpenedVersion(location.name, version);
    this.byteLength = version.byteLength;
    this.#url = url;
    this.#options = options;
    this.#servesRanges = servesRanges;
    this.#isListed = isListed;
    this.#location = location;
    this.#client = client;
    this.#limit = pLimit(options.concurrency);
  }

  /**
   * Requests the first two bytes (one server answers `0-0` with everything) for length and version. One request, or none if a
   * listing says both.
   *
   * @throws {@link StorageError} if the object does not exist, access is denied, or the server does not respond.
   */
  static open(url: string, options?: StorageOptions): Promise<RemoteSource>;
  /** @internal */
  static open(
    url: string,
    options: StorageOptions | undefined,
    known: KnownVersion | undefined,
  ): Promise<RemoteSource>;
  static async open(url: string, options: StorageOptions = {}, known?: KnownVersion): Promise<RemoteSource> {
    const resolved = storageOptions(options);
    const location = locationOf(url, resolved);
    const client = new RemoteClient(resolved);
    if (known && known.byteLength > 0) {
      const version = { byteLength: known.byteLength, validator: known.etag, content: known.content };
      return new RemoteSource(
        { url, options: resolved, version, servesRanges: true, isListed: true },
        location,
        client,
      );
    }
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
    const opened = await inTurn(url, () => client.get(location, { range: 'bytes=0-1' }, look, [416]));
    if (opened.version.validator === null) warnOfNoVersion(location.name);
    return new RemoteSource({ url, options: resolved, isListed: false, ...opened }, location, client);
  }

  /** The version that every response must match. */
  get version(): ObjectVersion {
    return this.#opened.version;
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

  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    // A small object is read at once, among at most 64 requests: its reader may be slow, or one of thousands.
    if (this.#servesRanges && start < this.byteLength && this.byteLength - start <= smallBytes)
      yield await this.read(start, this.byteLength);
    else yield* this.#pieces(start, this.byteLength);
  }

  /** Includes the URL with query and credentials, and the headers: with others the object may differ. */
  contentVersion(): string | null {
    const { byteLength, validator, content } = this.version;
    const version = content === undefined ? validator && { byteLength, validator } : { byteLength, content };
    return version ? JSON.stringify({ ...version, object: this.#identity() }) : null;
  }

  /**
   * Identifies the content without a request: a hash of it, or the `ETag` of a listing. Objects that are named one by one are
   * identified by their content, so that they can move.
   */
  contentTag(): string | undefined {
    return this.version.content ?? (this.#isListed ? strongTag(this.version) : undefined);
  }

  /** A hash, from which nothing can be read. */
  #identity(): string {
    const { endpoint } = this.#options;
    return fingerprint({ url: this.#url, headers: this.#options.headers, ...(endpoint && { endpoint }) });
  }

  [toRecipe](): Recipe {
    const args: RemoteRecipe = {
      url: this.#url,
      options: movableOptions(this.#options),
      version: this.version,
      servesRanges: this.#servesRanges,
      isListed: this.#isListed,
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
    // Bytes that the group reads, and the unused bytes between them: never more than the former, unless they are few.
    let wanted = 0;
    let unread = 0;
    for (const read of reads) {
      const first = group[0];
      const gap = Math.max(0, read.start - groupEnd);
      const isWorthwhile = gap <= worthwhileGap && unread + gap <= Math.max(littleGap, wanted);
      if (first && (!isWorthwhile || read.end - first.start > partBytes)) {
        void this.#fetchGroup(group, groupEnd);
        group = [];
        groupEnd = wanted = unread = 0;
      }
      if (group.length > 0) unread += gap;
      group.push(read);
      wanted += read.end - read.start;
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
        parts.push(this.#limit(() => inTurn(this.#url, () => this.#fetchInto(target, at))));
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
    if (!this.#servesRanges && start + target.length > partBytes) throw noRanges(this.name, this.byteLength);
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
          { ...this.#opened.headers, ...range },
          [412, 416],
        );
        try {
          this.#opened.check(answer, range ? at : 0);
          let position = range ? at : 0;
          // Reading the end of a response keeps its connection for the next request.
          const endsHere = isAll || answer.status === 206;
          for await (const piece of answer.body) {
            // A server without ranges starts at the beginning.
            if (at === end) return;
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
            if (at === end && !endsHere) return;
          }
          if (at === end) return;
          throw cutShort(at - start, end - start);
        } finally {
          answer.cancel();
        }
      } catch (error) {
        await this.#client.recover(this.#location, backoff, error);
      }
    }
  }
}

interface RemoteRecipe extends FirstLook {
  readonly url: string;
  readonly options: ResolvedStorageOptions;
  readonly isListed: boolean;
}
