import type { IterableDataset, ShardContext, StatefulStream } from '../../core/dataset.js';
import { StateMismatchError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import { type MakeFromRecipe, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { movableSteps } from '../../images/movable-steps.js';
import { sampleContext } from '../../random/sample-context.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { closingOnError, FileBacked, type FileRecipe, type OpenFiles } from '../file-dataset.js';
import { SamplePictures, tarPictures } from '../images/sample-pictures.js';
import { RecordReader } from '../records/record-reader.js';
import { readingIdentity, readSample, type WebReading, type WebSampleValues } from './web-options.js';
import { walkSamples } from './web-samples.js';

/** What a worker needs to open the same shards. */
interface TarFilesRecipe {
  readonly sources: readonly Recipe[];
  readonly contents: readonly string[];
}

/** Tar files that are read from start to end. */
class TarFiles implements OpenFiles {
  readonly sources: readonly ByteSource[];
  readonly #contents: readonly string[];

  constructor(sources: readonly ByteSource[], contents: readonly string[]) {
    this.sources = sources;
    this.#contents = contents;
  }

  identity() {
    return { shards: this.#contents };
  }

  recipe(): TarFilesRecipe {
    return { sources: this.sources.map((source) => recipeOf(source, 'source')), contents: this.#contents };
  }

  static async fromRecipe({ sources, contents }: TarFilesRecipe, make: MakeFromRecipe): Promise<TarFiles> {
    return new TarFiles(await Promise.all(sources.map((source) => make<ByteSource>(source))), contents);
  }

  close(): void {
    for (const source of this.sources) source.close();
  }
}

/** The samples of tar shards in order, as opened by `WebDataset.stream`. */
export class WebDatasetStream
  extends FileBacked<TarFiles, WebReading>
  implements IterableDataset<WebSampleValues>
{
  /** The state is a byte offset: resuming reads nothing twice. */
  readonly seekable = true;

  private constructor(files: TarFiles, reading: WebReading) {
    super('WebDatasetStream', files, reading);
  }

  /** @internal */
  static async of(sources: readonly ByteSource[], reading: WebReading): Promise<WebDatasetStream> {
    return closingOnError(sources, async () => {
      const contents = await Promise.all(sources.map(contentFingerprint));
      return new WebDatasetStream(new TarFiles(sources, contents), reading);
    });
  }

  /** Number of tar files. Each batch is made within one of them. */
  get numShards(): number {
    return this.rows.sources.length;
  }

  iterate({ shard, state, epoch, seed }: ShardContext): AsyncIterable<WebSampleValues> & StatefulStream {
    const reader = new RecordReader(this.rows.sources[shard]!);
    const reading = this.settings;
    let offset = offsetOf(state, reader.source);
    const pictures = reading.pictures && new SamplePictures(tarPictures, reading.pictures);
    return {
      stateDict: () => ({ offset }),
      async *[Symbol.asyncIterator]() {
        for await (const { key, members, next } of walkSamples(reader, offset)) {
          const sample = await readSample(reader, key, members, reading);
          // The shard and the offset tell samples apart, also after resuming.
          const context = sampleContext(shard, { epoch, seed, position: offset }).part('picture');
          offset = next;
          yield pictures ? await pictures.apply(sample, `${reader.source.name}: ${key}`, context) : sample;
        }
      },
    };
  }

  protected override identity() {
    return readingIdentity(this.settings);
  }

  override [toRecipe](): Recipe {
    const { pictures } = this.settings;
    if (pictures) movableSteps(pictures.steps);
    return super[toRecipe]();
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<TarFilesRecipe, WebReading>,
    make: MakeFromRecipe,
  ): Promise<WebDatasetStream> {
    return new WebDatasetStream(await TarFiles.fromRecipe(rows, make), settings);
  }
}

function offsetOf(state: JsonObject | undefined, source: ByteSource): number {
  const { offset = 0 } = state ?? {};
  const isPlace = typeof offset === 'number' && Number.isSafeInteger(offset);
  if (isPlace && offset >= 0 && offset <= source.byteLength) return offset;
  throw new StateMismatchError('The state is not one of this shard', {
    where: { file: source.name, field: 'offset' },
    next: 'Load the state that the loader saved with these shards.',
  });
}
