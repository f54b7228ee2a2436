import * as v from 'valibot';
import { copyElements, subarrayOf, zeros } from '../core/dtype.js';
import { CapabilityError, ShapeError } from '../core/errors.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { ownValue } from '../core/record.js';
import { elementCount, isTensor, type Tensor } from '../core/tensor.js';
import { Collectives } from './collectives.js';

/** A batch of named tensors `[rows, tokens, ...]`, with `input_ids`, `position_ids` and `labels`, and other values. */
export type SequenceBatch = Readonly<Record<string, unknown>>;

export interface UlyssesSPDataLoaderAdapterOptions {
  /** The sequence-parallel group. All its ranks iterate the adapter together. */
  readonly spGroup: Collectives;
  /**
   * As DeepSpeed: `shift_labels` of the last token of a packed document is the first label of the next document.
   * @defaultValue `false`: it is -100, which losses ignore
   */
  readonly parity?: boolean;
}

const schema = v.strictObject({
  spGroup: v.custom<Collectives>((value) => value instanceof Collectives, 'must be a Collectives'),
  parity: v.optional(booleanOption, false),
});

const ignored = -100;

/**
 * Turns a loader of whole sequences into one of slices, for sequence parallelism. DeepSpeed's `UlyssesSPDataLoaderAdapter`.
 *
 * Each rank of the group reads a batch of its own; then all ranks train on the batch of rank 0, each on its slice of the
 * sequences, then on that of rank 1, and so on. `labels` become `shift_labels`, which are shifted before the sequences are
 * sliced. Values that are not tensors are passed on.
 *
 * ```ts
 * const adapter = new UlyssesSPDataLoaderAdapter(loader, { spGroup });
 * for await (const { input_ids, position_ids, shift_labels } of adapter) train(input_ids, position_ids, shift_labels);
 * ```
 */
export class UlyssesSPDataLoaderAdapter implements AsyncIterable<SequenceBatch> {
  readonly #loader: AsyncIterable<SequenceBatch> & { readonly length?: number | null };
  readonly #group: Collectives;
  readonly #parity: boolean;

  /** @throws {@link ConfigError} naming the option at fault. */
  constructor(
    loader: AsyncIterable<SequenceBatch> & { readonly length?: number | null },
    options: UlyssesSPDataLoaderAdapterOptions,
  ) {
    const { spGroup, parity } = parseOptions('UlyssesSPDataLoaderAdapter options', schema, options);
    this.#loader = loader;
    this.#group = spGroup;
    this.#parity = parity;
  }

  /** Batches of a pass: those of all ranks of the group. `null` if the length of the loader is unknown. */
  get length(): number | null {
    const { length } = this.#loader;
    return length == null ? null : length * this.#group.size;
  }

  /**
   * One pass over the loader.
   *
   * @throws {@link ShapeError} if a batch lacks a field, its tensors differ in length, or the group's size does not divide the length;
   *   {@link CapabilityError} if the ranks have different numbers of batches.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<SequenceBatch, void, undefined> {
    const batches = this.#loader[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await batches.next();
        // The ranks tell one another that they are at the end: a rank that stops alone would leave the others waiting.
        const own = next.done ? undefined : attempt(() => checkedBatch(next.value));
        const gathered = await this.#group.allGather(own);
        if (own && 'error' in own) throw own.error;
        if (gathered.every((batch) => batch === undefined)) return;
        yield* this.#slices(gathered);
      }
    } finally {
      await batches.return?.();
    }
  }

  *#slices(gathered: readonly (Attempt | undefined)[]): Generator<SequenceBatch> {
    for (const [rank, batch] of gathered.entries()) {
      if (batch && 'value' in batch) yield this.#sliceOf(batch.value);
      else throw batch ? failed(rank) : ended(rank);
    }
  }

  #sliceOf(given: SequenceBatch): SequenceBatch {
    const { labels: _, ...batch } = given;
    const tokens = tensorOf(batch, 'input_ids').shape[1]!;
    const { size, rank } = this.#group;
    if (tokens % size !== 0) {
      throw new ShapeError(
        `The sequences have ${tokens} tokens, which ${size} sequence-parallel ranks do not divide`,
        {
          where: { tokens, ranks: size },
          next: 'Pad the batches to a multiple of the group, for example with padCollate.',
        },
      );
    }
    const positions = this.#parity ? undefined : tensorOf(batch, 'position_ids');
    const whole = { ...batch, shift_labels: shifted(tensorOf(given, 'labels'), positions) };
    const part = tokens / size;
    return Object.fromEntries(
      Object.entries(whole).map(([name, value]) => [
        name,
        isTensor(value) ? slice(value, rank * part, part) : value,
      ]),
    );
  }
}

type Attempt = { readonly value: SequenceBatch } | { readonly error: unknown };

function attempt(make: () => SequenceBatch): Attempt {
  try {
    return { value: make() };
  } catch (error) {
    return { error };
  }
}

const required = ['input_ids', 'position_ids', 'labels'] as const;

/** A field that every batch has. @throws {@link ShapeError} if it is no tensor */
function tensorOf(batch: SequenceBatch, name: (typeof required)[number]): Tensor {
  const value = ownValue(batch, name);
  if (isTensor(value)) return value;
  throw new ShapeError(`A batch has no tensor ${name}`, {
    where: { field: name },
    next: `Collate ${required.join(', ')}. Positions count in each sequence, or in each document of a packed one; a rank cannot make them for its slice.`,
  });
}

/** The batch, with tensors of its own. @throws {@link ShapeError} */
function checkedBatch(batch: SequenceBatch): SequenceBatch {
  const shapes = required.map((name) => tensorOf(batch, name).shape);
  const shape = shapes[0]!;
  const fields = Object.entries(batch).map(([name, value]) => {
    if (!isTensor(value)) return [name, value];
    if (value.shape.length < 2 || value.shape[1] !== shape[1]) {
      throw new ShapeError(`${name} has the shape [${value.shape}], and input_ids [${shape}]`, {
        where: { field: name },
        next: 'Every tensor of a batch has a row for each sequence and an element for each token.',
      });
    }
    // Memory that is lent or shared must not leave this rank.
    return [name, { ...value, shape: [...value.shape], data: value.data.slice() }];
  });
  return Object.fromEntries(fields);
}

/** Labels moved one token to the left. @param positions - A position 0 begins a document, whose first label is not the one before's. */
function shifted(labels: Tensor, positions: Tensor | undefined): Tensor {
  const tokens = labels.shape[1]!;
  const data = zeros(labels.dtype, labels.data.length) as Int32Array;
  const [from, none] = [labels.data as Int32Array, labels.dtype === 'int64' ? BigInt(ignored) : ignored];
  for (let at = 0; at < data.length; at++) {
    const isLast = (at + 1) % tokens === 0;
    const startsNext = !isLast && positions !== undefined && Number(positions.data[at + 1]) === 0;
    data[at] = isLast || startsNext ? (none as number) : from[at + 1]!;
  }
  return { ...labels, data };
}

function slice(tensor: Tensor, start: number, length: number): Tensor {
  const [rows = 0, tokens = 0, ...rest] = tensor.shape;
  const width = elementCount(rest);
  const data = zeros(tensor.dtype, rows * length * width);
  for (let row = 0; row < rows; row++) {
    const from = (row * tokens + start) * width;
    copyElements(subarrayOf(tensor.data, from, from + length * width), data, row * length * width);
  }
  return { dtype: tensor.dtype, shape: [rows, length, ...rest], data };
}

function ended(rank: number): CapabilityError {
  return new CapabilityError(
    `Rank ${rank} of the sequence-parallel group has no batch left, and others have`,
    {
      where: { rank },
      next: 'Give every rank of the group equally many batches, for example with a DistributedSampler.',
    },
  );
}

function failed(rank: number): CapabilityError {
  return new CapabilityError(`Rank ${rank} of the sequence-parallel group could not make its batch`, {
    where: { rank },
    next: 'Look at the error of that rank.',
  });
}
