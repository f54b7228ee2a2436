import * as v from 'valibot';
import type { IterableDataset, ShardContext, StatefulStream } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { hasMethod } from '../core/property-of.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { WorkerModule } from './worker-module.js';

/** A `ReadableStream`, without the types of a platform. */
interface WebStream<T> {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: T | undefined }>;
    cancel(): Promise<unknown>;
  };
}

type Iterables<T> = AsyncIterable<T> | Iterable<T> | WebStream<T>;

/** Opens a stream for a pass: a generator function, for example. */
type OpenStream<T> = (context: ShardContext) => Iterables<T> | Promise<Iterables<T>>;

const schema = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1, 'must not be empty')),
  seekable: v.optional(booleanOption, false),
});

interface StreamOptions {
  /** Identifies the content: a resumed run must use the same name for the same data. */
  readonly name: string;
  /**
   * Whether the function starts at sample `context.state.position`, where `context` has a state. Otherwise a resumed run reads the
   * stream from its start and drops what was delivered. @defaultValue `false`
   */
  readonly seekable?: boolean;
}

/**
 * A stream as a dataset: a function that opens one for each pass (such as a generator function), an async iterable, a `ReadableStream`
 * or a `Readable` of Node.js.
 *
 * A stream that is open already can be read once: a second pass is an error. A function is called for each pass, and must give the same
 * samples for the same epoch. For workers, name the function by its module: `workerFunction(new URL('./lines.js', import.meta.url))`.
 *
 * @example
 * ```ts
 * const lines = new StreamDataset(async function* () { yield* readLines(); }, { name: 'lines of 2026' });
 * ```
 */
export class StreamDataset<T> implements IterableDataset<T>, Movable {
  /** Identifies the content. */
  readonly name: string;
  readonly seekable: boolean;
  readonly #source: Iterables<T> | OpenStream<T> | WorkerModule<OpenStream<T>>;
  /** Whether a stream that can be read once has been. */
  #isUsed = false;

  /** @throws {@link ConfigError} naming the option at fault, or if the source is not a stream. */
  constructor(source: Iterables<T> | OpenStream<T> | WorkerModule<OpenStream<T>>, options: StreamOptions) {
    const { name, seekable } = parseOptions('StreamDataset options', schema, options);
    if (typeof source !== 'function' && !(source instanceof WorkerModule) && !isIterable(source))
      throw new ConfigError('StreamDataset', [
        { field: 'source', message: 'is neither a function, an iterable nor a stream' },
      ]);
    if (seekable && typeof source !== 'function' && !(source instanceof WorkerModule))
      throw new ConfigError('StreamDataset options', [
        { field: 'seekable', message: 'needs a function, which opens the stream at a position' },
      ]);
    this.name = name;
    this.seekable = seekable;
    this.#source = source;
  }

  iterate(context: ShardContext): AsyncIterable<T> & Partial<StatefulStream> {
    const start = this.seekable ? positionOf(context.state) : 0;
    let position = start;
    const iterator = this.#samples(context, () => position++);
    if (!this.seekable) return iterator;
    return { [Symbol.asyncIterator]: () => iterator, stateDict: () => ({ position }) };
  }

  fingerprint(): string {
    return fingerprint({ kind: 'StreamDataset', name: this.name });
  }

  [toRecipe](): Recipe {
    const { name, seekable } = this;
    return { builtIn: 'StreamDataset', args: { source: recipeOf(this.#source, 'stream'), name, seekable } };
  }

  static async fromRecipe(
    { source, ...options }: StreamOptions & { readonly source: Recipe },
    make: MakeFromRecipe,
  ): Promise<StreamDataset<unknown>> {
    return new StreamDataset(await make<OpenStream<unknown>>(source), options);
  }

  async *#samples(context: ShardContext, count: () => void): AsyncGenerator<T> {
    const samples = await this.#open(context);
    for await (const sample of 'getReader' in samples ? chunksOf(samples) : samples) {
      count();
      yield sample;
    }
  }

  async #open(context: ShardContext): Promise<Iterables<T>> {
    const source = this.#source instanceof WorkerModule ? await this.#source.load() : this.#source;
    if (typeof source !== 'function') {
      if (this.#isUsed) throw this.#usedUp();
      this.#isUsed = isReadOnce(source);
      return source;
    }
    const opened = await source(context);
    if (isIterable(opened)) return opened;
    throw new ConfigError('StreamDataset', [
      { field: 'source', message: `${this.name}: the function returned neither an iterable nor a stream` },
    ]);
  }

  #usedUp(): ConfigError {
    const message =
      `${this.name} is a stream that was read already: for another epoch, or to resume, pass a function that opens it, ` +
      'such as () => createReadStream(…)';
    return new ConfigError('StreamDataset', [{ field: 'source', message }]);
  }
}

function isIterable<T>(value: unknown): value is Iterables<T> {
  if (typeof value !== 'object' || value === null) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value || 'getReader' in value;
}

/** Whether a second iteration would give nothing, or be refused. */
function isReadOnce(source: object): boolean {
  return 'getReader' in source || 'next' in source || hasMethod(source, 'pipe');
}

/** The chunks of a web stream; not every browser can iterate one. */
async function* chunksOf<T>(stream: WebStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  let isAtEnd = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isAtEnd = done;
      if (done) return;
      yield value as T;
    }
  } finally {
    if (!isAtEnd) await reader.cancel().catch(() => {});
  }
}

function positionOf(state: JsonObject | undefined): number {
  const { position } = state ?? {};
  return typeof position === 'number' ? position : 0;
}
