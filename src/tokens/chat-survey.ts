import type { Dataset, SampleContext, SamplePart } from '../core/dataset.js';
import { FormatError } from '../core/errors.js';
import { Pace } from '../formats/tables/pace.js';
import { sampleContext } from '../random/sample-context.js';
import type { ChatEncoding, ChatReader, ChatRow, LabeledIds } from './chat-reader.js';
import { type EncodedRows, EncodedRowsWriter } from './encoded-rows.js';

/** What one walk over the rows finds. */
export interface ChatSurvey {
  /** The rows that are samples. */
  readonly kept: Float64Array;
  /** Tokens of each sample. */
  readonly sizes: Int32Array;
  /** Tokens of each sample that are trained on. */
  readonly trained: Int32Array;
  /** What encoding each sample yielded. */
  readonly encoded: EncodedRows;
}

/** Encodes all rows once. Rows that depend on their context differ from epoch to epoch, so what they yield is not kept. */
export async function surveyChats<T>(
  rows: Dataset<ChatRow>,
  reader: ChatReader<T>,
  encoding: ChatEncoding,
): Promise<ChatSurvey> {
  const pace = new Pace();
  const encoded = new EncodedRowsWriter();
  const kept: number[] = [];
  const sizes: number[] = [];
  const trained: number[] = [];
  for (let row = 0; row < rows.length; row++) {
    await pace.rest();
    const context = new WatchedContext(sampleContext(row));
    const sequences = await encodeRow(rows, row, reader, encoding, context);
    const sample = inRow(row, () => reader.sample(sequences, encoding.settings));
    if (sample === undefined) continue;
    if (context.wasRead || sequences.some(({ images }) => images)) encoded.skip(sequences.length);
    else encoded.add(sequences);
    const counted = reader.count(sample);
    kept.push(row);
    sizes.push(counted.tokens);
    trained.push(counted.trained);
  }
  return {
    kept: Float64Array.from(kept),
    sizes: Int32Array.from(sizes),
    trained: Int32Array.from(trained),
    encoded: encoded.finish(),
  };
}

/** Reads and encodes a row. @throws {@link FormatError} naming the row if it is not as its layout has it. */
export async function encodeRow<T>(
  rows: Dataset<ChatRow>,
  row: number,
  reader: ChatReader<T>,
  encoding: ChatEncoding,
  context: SampleContext,
): Promise<readonly LabeledIds[]> {
  const value = await rows.get(row, context);
  return inRow(row, () => reader.encode(value, encoding));
}

/** Names the row in a {@link FormatError}. */
export function inRow<R>(row: number, work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError) throw error.addLocation({ conversation: row });
    throw error;
  }
}

/** A sample context that remembers whether anything was read that can differ when the sample is made again. */
class WatchedContext implements SampleContext {
  readonly index: number;
  readonly #context: SampleContext;
  readonly #whole: WatchedContext;
  #wasRead = false;

  constructor(context: SampleContext, whole?: WatchedContext) {
    this.index = context.index;
    this.#context = context;
    this.#whole = whole ?? this;
  }

  get wasRead(): boolean {
    return this.#wasRead;
  }

  get #read(): SampleContext {
    this.#whole.#wasRead = true;
    return this.#context;
  }

  get epoch(): number {
    return this.#read.epoch;
  }

  get seed(): number {
    return this.#read.seed;
  }

  get worker(): number | null {
    return this.#read.worker;
  }

  get globalStep(): number | undefined {
    return this.#read.globalStep;
  }

  get rng() {
    return this.#read.rng;
  }

  part(name: string | number, part?: SamplePart): SampleContext {
    return new WatchedContext(this.#context.part(name, part), this.#whole);
  }
}
