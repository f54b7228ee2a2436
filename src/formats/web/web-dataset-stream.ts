import type { IterableDataset, ShardContext, StatefulStream } from '../../core/dataset.js';
import { StateMismatchError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { JsonObject } from '../../core/json.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { movableSteps } from '../../images/movable-steps.js';
import { sampleContext } from '../../random/sample-context.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { RecordReader } from '../records/record-reader.js';
import { SamplePictures } from './sample-images.js';
import { readSample, type WebReading, type WebSampleValues } from './web-options.js';
import { walkSamples } from './web-samples.js';

interface WebStreamRecipe {
  readonly sources: readonly Recipe[];
  readonly contents: readonly string[];
  readonly reading: WebReading;
}

/** The samples of tar shards in order, as opened by `WebDataset.stream`. */
export class WebDatasetStream implements IterableDataset<WebSampleValues>, Movable {
  /** The state is a byte offset: resuming reads nothing twice. */
  readonly seekable = true;
  readonly #sources: readonly ByteSource[];
  readonly #contents: readonly string[];
  readonly #reading: WebReading;

  private constructor(sources: readonly ByteSource[], contents: readonly string[], reading: WebReading) {
    this.#sources = sources;
    this.#contents = contents;
    this.#reading = reading;
  }

  /** @internal */
  static async of(sources: readonly ByteSource[], reading: WebReading): Promise<WebDatasetStream> {
    return new WebDatasetStream(sources, await Promise.all(sources.map(contentFingerprint)), reading);
  }

  /** Number of tar files. Each batch is made within one of them. */
  get numShards(): number {
    return this.#sources.length;
  }

  iterate({ shard, state, epoch, seed }: ShardContext): AsyncIterable<WebSampleValues> & StatefulStream {
    const reader = new RecordReader(this.#sources[shard]!);
    const reading = this.#reading;
    let offset = offsetOf(state, reader.source);
    const pictures = reading.pictures && new SamplePictures(reading.pictures);
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

  fingerprint(): string {
    const { columns, decode, pictures } = this.#reading;
    return fingerprint({
      kind: 'WebDatasetStream',
      shards: this.#contents,
      columns: columns ?? null,
      decode,
      ...(pictures && { pictures: SamplePictures.identity(pictures) }),
    });
  }

  [toRecipe](): Recipe {
    const sources = this.#sources.map((source) => recipeOf(source, 'source'));
    if (this.#reading.pictures) movableSteps(this.#reading.pictures.steps);
    const args: WebStreamRecipe = { sources, contents: this.#contents, reading: this.#reading };
    return { builtIn: 'WebDatasetStream', args };
  }

  static async fromRecipe(
    { sources, contents, reading }: WebStreamRecipe,
    make: MakeFromRecipe,
  ): Promise<WebDatasetStream> {
    return new WebDatasetStream((await Promise.all(sources.map(make))) as ByteSource[], contents, reading);
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }
}

function offsetOf(state: JsonObject | undefined, source: ByteSource): number {
  const { offset = 0 } = state ?? {};
  if (Number.isSafeInteger(offset) && (offset as number) >= 0 && (offset as number) <= source.byteLength)
    return offset as number;
  throw new StateMismatchError('The state is not one of this shard', {
    where: { file: source.name, field: 'offset' },
    next: 'Load the state that the loader saved with these shards.',
  });
}
