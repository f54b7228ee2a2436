import type { Dataset } from '../core/dataset.js';
import { isTypedArray } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { isTensor, row, type Tensor } from '../core/tensor.js';
import type { PartReceipt } from '../parts/part-receipt.js';
import { samplesOf } from '../parts/part-samples.js';
import type { OnPartProgress } from '../parts/progress-count.js';
import { rowOf } from './parquet-types.js';
import type { Part, PartWriter } from './part.js';
import { writePartFile } from './write-part-file.js';

/** Writes each part of the input as a file of JSON Lines, one line a sample. */
export class JsonlParts implements PartWriter {
  readonly #dataset: Dataset<unknown>;

  constructor(dataset: Dataset<unknown>) {
    this.#dataset = dataset;
  }

  write(part: Part, folder: string, onProgress: OnPartProgress): Promise<PartReceipt> {
    return writeLines(part, folder, this.#lines(part, onProgress));
  }

  close(): void | Promise<void> {
    return this.#dataset.close?.();
  }

  async *#lines({ start, end }: Part, onProgress: OnPartProgress): AsyncGenerator<string> {
    for await (const { index, sample } of samplesOf(this.#dataset, [start, end])) {
      yield jsonLine(rowOf(sample), index);
      onProgress({ samples: 1 });
    }
  }
}

const encoder = new TextEncoder();

/** Writes the lines of a part into a file. */
export function writeLines(
  part: Part,
  folder: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<PartReceipt> {
  return writePartFile(part, folder, 'jsonl', async (file) => {
    for await (const line of lines) file.append(encoder.encode(`${line}\n`));
  });
}

/**
 * A value as one line of JSON. Tensors and typed arrays become lists, dates become texts (ISO 8601).
 *
 * @throws {@link FormatError} for what JSON cannot hold: bytes, numbers that are not finite, integers beyond 2^53.
 */
export function jsonLine(value: unknown, index: number): string {
  return JSON.stringify(plainOf(value, index)) ?? 'null';
}

function plainOf(value: unknown, index: number): unknown {
  switch (typeof value) {
    case 'number':
      if (Number.isFinite(value)) return value;
      throw unfit(String(value), index);
    case 'bigint':
      if (Number.isSafeInteger(Number(value))) return Number(value);
      throw unfit(`the integer ${value}`, index);
    case 'function':
    case 'symbol':
      throw unfit(`a ${typeof value}`, index);
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null || value instanceof Date) return value;
  if (isTensor(value)) return listOf(value).map((each) => plainOf(each, index));
  if (value instanceof Uint8Array) throw unfit('bytes', index);
  if (Array.isArray(value)) return value.map((each) => plainOf(each, index));
  if (isTypedArray(value)) return Array.from<number | bigint, unknown>(value, (each) => plainOf(each, index));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plainOf(each, index)]));
}

function listOf(tensor: Tensor): unknown[] {
  if (tensor.shape.length <= 1) return Array.from<number | bigint>(tensor.data);
  return Array.from({ length: tensor.shape[0]! }, (_, k) => row(tensor, k));
}

function unfit(what: string, index: number): FormatError {
  return new FormatError(`A sample contains ${what}, which JSON cannot hold`, {
    where: { index },
    next: 'Convert to Parquet (--to parquet), or select other columns.',
  });
}
