// DELTA_BINARY_PACKED: blocks of differences, https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC
import { readBits } from './parquet-runs.js';
import { signed64, VarIntReader } from './wide-integer.js';

interface Deltas<A> {
  readonly values: A;
  /** The end offset. */
  readonly end: number;
}

/**
 * Reads `count` delta-encoded integers.
 *
 * @throws Error if the bytes do not contain them
 */
export function readDeltas(
  bytes: Uint8Array,
  start: number,
  count: number,
  type: 'INT32',
): Deltas<Int32Array>;
export function readDeltas(
  bytes: Uint8Array,
  start: number,
  count: number,
  type: 'INT64',
): Deltas<BigInt64Array>;
export function readDeltas(
  bytes: Uint8Array,
  start: number,
  count: number,
  type: 'INT32' | 'INT64',
): Deltas<Int32Array | BigInt64Array> {
  const head = new VarIntReader(bytes, start);
  const blockSize = head.varInt();
  const miniblocks = head.varInt();
  const total = head.varInt();
  const size = blockSize / miniblocks;
  if (!Number.isInteger(size) || size < 8 || size % 8 !== 0 || total < count)
    throw new Error('the head of a page of differences is damaged');
  const first = head.zigZag();
  const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
  if (values instanceof Int32Array) values[0] = low32(first);
  else values[0] = first;
  const deltas = new Uint32Array(Math.min(size, count));
  // The values of a page end with a whole miniblock, also where fewer are left of the block.
  for (let made = 1; made < count; ) {
    const smallest = head.zigZag();
    const widths = bytes.subarray(head.at, head.at + miniblocks);
    head.at += miniblocks;
    for (let k = 0; k < miniblocks && made < count; k++) {
      const width = widths[k];
      if (width === undefined || width > 64) throw new Error('a block of differences is damaged');
      const taken = Math.min(size, count - made);
      if (head.at + Math.ceil((taken * width) / 8) > bytes.length)
        throw new Error('a block of differences ends too early');
      if (values instanceof Int32Array) {
        readNarrow(bytes, head.at, width, deltas, taken);
        addNarrow(values, made, low32(smallest), deltas, taken);
      } else if (width <= 32) {
        readBits(bytes, head.at, width, deltas, 0, taken);
        for (let j = 0; j < taken; j++)
          values[made + j] = values[made + j - 1]! + smallest + BigInt(deltas[j]!);
      } else {
        for (let j = 0; j < taken; j++)
          values[made + j] = values[made + j - 1]! + smallest + wide(bytes, head.at, width, j);
      }
      made += taken;
      head.at = Math.min(bytes.length, head.at + (size * width) / 8);
    }
  }
  return { values, end: head.at };
}

/** The lowest 32 bits, as a signed number. */
function low32(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** Bits above the 32nd do not change 32-bit numbers, which wrap. */
function readNarrow(
  bytes: Uint8Array,
  start: number,
  width: number,
  deltas: Uint32Array,
  count: number,
): void {
  if (width <= 32) readBits(bytes, start, width, deltas, 0, count);
  else for (let j = 0; j < count; j++) deltas[j] = wideHalf(bytes, start, width, j, 0);
}

function addNarrow(
  values: Int32Array,
  from: number,
  smallest: number,
  deltas: Uint32Array,
  count: number,
): void {
  let value = values[from - 1]!;
  for (let j = 0; j < count; j++) {
    value = (value + smallest + deltas[j]!) | 0;
    values[from + j] = value;
  }
}

function wide(bytes: Uint8Array, start: number, width: number, k: number): bigint {
  return signed64(wideHalf(bytes, start, width, k, 0), wideHalf(bytes, start, width, k, 1));
}

/** The k-th number of more than 32 bits: its halves. */
function wideHalf(bytes: Uint8Array, start: number, width: number, k: number, half: 0 | 1): number {
  const firstBit = k * width + 32 * half;
  const bits = Math.min(32, width - 32 * half);
  let value = 0;
  for (let bit = 0; bit < bits; ) {
    const position = firstBit + bit;
    const inByte = position & 7;
    const taken = Math.min(8 - inByte, bits - bit);
    value += ((bytes[start + (position >> 3)]! >> inByte) & ((1 << taken) - 1)) * 2 ** bit;
    bit += taken;
  }
  return value;
}
