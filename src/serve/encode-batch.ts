import { type DType, isTypedArray } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { isPlainObject } from '../core/map-tensors.js';
import { attachedOrigin } from '../core/sample-origin.js';
import { isTensor, type Tensor, tensor } from '../core/tensor.js';
import type { BatchAddress } from './batch-address.js';
import { wireVersion } from './wire-version.js';

/** The samples of a batch: shape `[B]`, and their positions in the epoch's order over all ranks. */
export interface BatchSamples {
  readonly indices: Int32Array | Float64Array;
  readonly positions: { readonly start: number; readonly step: number };
}

/** A batch as the chunks of one safetensors file, without a copy of its tensors. */
export interface EncodedBatch {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

/** A part of the structure of a batch; see docs/wire.md. */
type Node =
  | { readonly tensor: string }
  | { readonly record: Readonly<Record<string, Node>> }
  | { readonly list: readonly Node[] }
  | { readonly text: string }
  | { readonly bytes: string }
  | { readonly value: Json };

const codes: Readonly<Record<DType, string>> = {
  bool: 'BOOL',
  uint8: 'U8',
  int8: 'I8',
  uint16: 'U16',
  int16: 'I16',
  uint32: 'U32',
  int32: 'I32',
  uint64: 'U64',
  int64: 'I64',
  float32: 'F32',
  float64: 'F64',
};

const headerUnit = 64;

/**
 * Writes a batch in the layout of safetensors, its structure in the metadata.
 *
 * @throws {@link CollateError} for a value that the layout has no place for, with its path
 * @remarks O(fields); tensors are not copied.
 */
export function encodeBatch(batch: unknown, address: BatchAddress, samples?: BatchSamples): EncodedBatch {
  const tensors = new NamedTensors();
  const node = nodeOf(batch, '', tensors);
  const { epoch, step, microBatch } = address;
  if (samples) tensors.add('#indices', tensor(BigInt64Array.from(samples.indices, BigInt)));
  const origin = attachedOrigin(batch);
  const description = {
    wire: wireVersion,
    epoch,
    step,
    microBatch,
    ...(samples && { samples: samples.positions }),
    ...(origin && { origin }),
    batch: node,
  };
  return layOut(tensors.sorted(), JSON.stringify(description));
}

/** The tensors of a batch by their names in the file. */
class NamedTensors {
  readonly #byName = new Map<string, Tensor>();

  /** @returns the name of the tensor in the file: another one where two paths read alike */
  add(path: string, added: Tensor): string {
    let name = path;
    while (this.#byName.has(name) || name === '__metadata__') name += '~';
    this.#byName.set(name, added);
    return name;
  }

  /** Larger elements first, so that each tensor is aligned to its elements without gaps. */
  sorted(): [string, Tensor][] {
    return [...this.#byName].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  }
}

function nodeOf(value: unknown, path: string, tensors: NamedTensors): Node {
  if (isTensor(value)) return { tensor: tensors.add(path, value) };
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return { value };
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return { value };
    return { tensor: tensors.add(path, tensor(Float64Array.of(value), [])) };
  }
  if (typeof value === 'bigint') return { tensor: tensors.add(path, tensor(BigInt64Array.of(value), [])) };
  if (value instanceof ArrayBuffer) return { tensor: tensors.add(path, tensor(new Uint8Array(value))) };
  if (isTypedArray(value)) return { tensor: tensors.add(path, tensor(value)) };
  if (Array.isArray(value)) return listOf(value, path, tensors);
  if (isPlainObject(value)) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]): [string, Node] => [
        key,
        nodeOf(field, path === '' ? key : `${path}.${key}`, tensors),
      ]);
    return { record: Object.fromEntries(fields) };
  }
  throw new CollateError(`A batch with ${describe(value)} cannot be sent to another process`, {
    where: { path: path || '(the batch)' },
    next: 'Collate it to tensors, strings, lists and plain objects.',
  });
}

function listOf(values: readonly unknown[], path: string, tensors: NamedTensors): Node {
  if (values.length > 0 && values.every((value) => typeof value === 'string')) {
    const encoder = new TextEncoder();
    const texts = values.map((value) => encoder.encode(value));
    return { text: addBytes(texts, path, tensors) };
  }
  if (values.length > 0 && values.every((value) => value instanceof ArrayBuffer)) {
    const buffers = values.map((value) => new Uint8Array(value));
    return { bytes: addBytes(buffers, path, tensors) };
  }
  return {
    list: values.map((value, i) => nodeOf(value, path === '' ? `${i}` : `${path}.${i}`, tensors)),
  };
}

/** Adds byte strings as two tensors: all bytes, and where each begins. */
function addBytes(parts: readonly Uint8Array[], path: string, tensors: NamedTensors): string {
  const offsets = new BigInt64Array(parts.length + 1);
  let end = 0;
  for (const [i, part] of parts.entries()) {
    end += part.byteLength;
    offsets[i + 1] = BigInt(end);
  }
  const bytes = new Uint8Array(end);
  for (const [i, part] of parts.entries()) bytes.set(part, Number(offsets[i]!));
  const name = tensors.add(path, tensor(bytes));
  tensors.add(`${name}#offsets`, tensor(offsets));
  return name;
}

function layOut(tensors: readonly (readonly [string, Tensor])[], description: string): EncodedBatch {
  const entries: [string, unknown][] = [['__metadata__', { millrace: description }]];
  const chunks: Uint8Array[] = [];
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const start = end;
    end += data.byteLength;
    entries.push([name, { dtype: codes[dtype], shape, data_offsets: [start, end] }]);
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const header = headerBytes(JSON.stringify(Object.fromEntries(entries)));
  return { chunks: [header, ...chunks], byteLength: header.byteLength + end };
}

/** The length and the header, padded with spaces so that the tensors begin at a multiple of 64 bytes. */
function headerBytes(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil((8 + text.byteLength) / headerUnit) * headerUnit;
  const header = new Uint8Array(padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded - 8), true);
  header.set(text, 8);
  return header;
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a value of type ${typeof value}`;
  return `an object of class ${value.constructor?.name ?? 'unknown'}`;
}
