import type { IterableDataset, ShardContext, StatefulStream } from '../core/dataset.js';
import { StateMismatchError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { type MakeFromRecipe, type Recipe, recipeOf } from '../core/recipe.js';
import type { ByteSource } from '../storage/byte-source.js';
import { contentFingerprint } from '../storage/content-fingerprint.js';
import { FileBacked, type OpenFiles } from './file-dataset.js';

/**
 * Most groups of files that are read independently. A fixed number, so that the order depends on the files alone; small, since each group has an
 * open file and an entry in the state.
 */
const mostGroups = 16;

/** What a worker needs to read the same files. */
export interface StreamedFilesRecipe {
  readonly sources: readonly Recipe[];
  readonly contents: readonly string[];
}

/** Files of a stream. Nothing of them is read before a sample of them is due. */
export class StreamedFiles implements OpenFiles {
  readonly sources: readonly ByteSource[];
  readonly #contents: readonly string[];

  private constructor(sources: readonly ByteSource[], contents: readonly string[]) {
    this.sources = sources;
    this.#contents = contents;
  }

  /** Takes no request for files whose listing says size and `ETag`. */
  static async of(sources: readonly ByteSource[]): Promise<StreamedFiles> {
    return new StreamedFiles(sources, await Promise.all(sources.map(contentFingerprint)));
  }

  identity() {
    return { files: this.#contents };
  }

  recipe(): StreamedFilesRecipe {
    return { sources: this.sources.map((source) => recipeOf(source, 'source')), contents: this.#contents };
  }

  static async fromRecipe(
    { sources, contents }: StreamedFilesRecipe,
    make: MakeFromRecipe,
  ): Promise<StreamedFiles> {
    return new StreamedFiles(await Promise.all(sources.map((source) => make<ByteSource>(source))), contents);
  }

  close(): void {
    for (const source of this.sources) source.close();
  }
}

/** What `stream` of a format returns. */
export type StreamOfFiles<T> = IterableDataset<T> & {
  readonly numShards: number;
  fingerprint(): string;
  close(): void;
};

/** Reads the samples of an open file from a place on: each with the place after it. The start of a file is place 0. */
export type ReadFrom<T> = (place: number) => AsyncIterable<readonly [sample: T, next: number]>;

/**
 * Samples of files that are read from start to end. Since no length is needed, opening reads nothing of a file but its first bytes,
 * where a listing does not identify it.
 *
 * The files are dealt to at most 16 groups, file `k` to group `k % 16`. Workers read different groups; batches are made within a group
 * and delivered in turn.
 */
export abstract class FileStream<T, Settings>
  extends FileBacked<StreamedFiles, Settings>
  implements IterableDataset<T>
{
  /** The state is a place in a file: resuming reads no sample again. */
  readonly seekable = true;

  /** Number of groups that are read independently. */
  get numShards(): number {
    return Math.min(mostGroups, this.rows.sources.length);
  }

  /** Opens a file, when its first sample is due soon. */
  protected abstract openFile(source: ByteSource): Promise<ReadFrom<T>>;

  iterate({ shard, state }: ShardContext): AsyncIterable<T> & StatefulStream {
    const { sources } = this.rows;
    const { numShards } = this;
    let { file, place } = this.#positionOf(state, shard);
    const open = (k: number): Promise<ReadFrom<T>> | undefined => {
      const opening = k < sources.length ? this.openFile(sources[k]!) : undefined;
      // A failure is thrown when the file is due.
      opening?.catch(() => {});
      return opening;
    };
    return {
      stateDict: () => ({ file, place }),
      async *[Symbol.asyncIterator]() {
        for (let opening = open(file); opening !== undefined; ) {
          const read = await opening;
          const following = open(file + numShards);
          for await (const [sample, next] of read(place)) {
            place = next;
            yield sample;
          }
          file += numShards;
          place = 0;
          opening = following;
        }
      },
    };
  }

  #positionOf(state: JsonObject | undefined, shard: number): { file: number; place: number } {
    const { file = shard, place = 0 } = state ?? {};
    const isCount = (value: unknown): value is number =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    const ends = this.rows.sources.length + this.numShards;
    if (isCount(file) && isCount(place) && file % this.numShards === shard && file < ends)
      return { file, place };
    throw new StateMismatchError('The state is not one of these files', {
      where: { field: 'file' },
      next: 'Load the state that the loader saved with these files.',
    });
  }
}
