// The portable format of Roaring bitmaps: https://github.com/RoaringBitmap/RoaringFormatSpec
import { SharedNumbers } from '../records/shared-numbers.js';

const withRuns = 12_347;
const withoutRuns = 12_346;
/** Fewer containers have no table of offsets if some are runs. */
const fewContainers = 4;
/** A container with more numbers is a bit set. */
const mostListed = 4_096;
const bitSetBytes = 8_192;

/**
 * The numbers of a 64-bit Roaring bitmap, ascending: the number of its 32-bit bitmaps, then each with the upper 32 bits before it.
 *
 * @param limit - All numbers must be below it. (A few bytes may stand for very many numbers.)
 * @throws Error if it is damaged
 */
export function roaringNumbers(bytes: Uint8Array, limit: number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new SharedNumbers();
  try {
    let at = 8;
    let previous = -1;
    for (let left = Number(view.getBigUint64(0, true)); left > 0; left--) {
      const upper = view.getUint32(at, true);
      if (upper <= previous || upper >= 2 ** 21) throw new Error('its numbers are not ascending');
      previous = upper;
      at = readBitmap(view, at + 4, (lower) => {
        const number = upper * 2 ** 32 + lower;
        if (number >= limit) throw new Error(`it has the number ${number}, which is not below ${limit}`);
        numbers.push(number);
      });
    }
    if (at !== bytes.length) throw new Error(`it has ${bytes.length - at} bytes too many`);
  } catch (cause) {
    throw cause instanceof RangeError ? new Error('it is cut short', { cause }) : cause;
  }
  return numbers.shared();
}

/** Reads a 32-bit bitmap. @returns the offset after it */
function readBitmap(view: DataView, start: number, found: (value: number) => void): number {
  const cookie = view.getUint32(start, true);
  const hasRuns = (cookie & 0xffff) === withRuns;
  if (!hasRuns && cookie !== withoutRuns) throw new Error('it is not a Roaring bitmap');
  const count = hasRuns ? (cookie >>> 16) + 1 : view.getUint32(start + 4, true);
  const runMarks = start + 4;
  const header = hasRuns ? runMarks + Math.ceil(count / 8) : start + 8;
  let at = header + 4 * count + (!hasRuns || count >= fewContainers ? 4 * count : 0);
  let previous = -1;
  for (let k = 0; k < count; k++) {
    const key = view.getUint16(header + 4 * k, true);
    const cardinality = view.getUint16(header + 4 * k + 2, true) + 1;
    if (key <= previous) throw new Error('its numbers are not ascending');
    previous = key;
    const isRun = hasRuns && ((view.getUint8(runMarks + (k >> 3)) >> (k & 7)) & 1) === 1;
    const read = isRun ? readRuns : cardinality > mostListed ? readBitSet : readList;
    let last = -1;
    let numbers = 0;
    at = read(view, at, cardinality, (value) => {
      if (value <= last || value > 0xffff) throw new Error('its numbers are not ascending');
      last = value;
      numbers += 1;
      found(key * 2 ** 16 + value);
    });
    if (numbers !== cardinality) throw new Error(`it has ${numbers} numbers where it says ${cardinality}`);
  }
  return at;
}

type ReadContainer = (
  view: DataView,
  at: number,
  cardinality: number,
  found: (value: number) => void,
) => number;

const readList: ReadContainer = (view, at, cardinality, found) => {
  for (let k = 0; k < cardinality; k++) found(view.getUint16(at + 2 * k, true));
  return at + 2 * cardinality;
};

const readBitSet: ReadContainer = (view, at, _, found) => {
  for (let byte = 0; byte < bitSetBytes; byte++) {
    const bits = view.getUint8(at + byte);
    for (let bit = 0; bit < 8; bit++) if ((bits >> bit) & 1) found(8 * byte + bit);
  }
  return at + bitSetBytes;
};

const readRuns: ReadContainer = (view, at, _, found) => {
  const runs = view.getUint16(at, true);
  for (let k = 0; k < runs; k++) {
    const first = view.getUint16(at + 2 + 4 * k, true);
    const more = view.getUint16(at + 4 + 4 * k, true);
    for (let value = first; value <= first + more; value++) found(value);
  }
  return at + 2 + 4 * runs;
};
