// Runs of small numbers, https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE. hyparquet takes a run of length 0 for
// progress, and fills memory with runs longer than the page: both are checked here.

/**
 * Reads `target.length` numbers of `width` bits.
 *
 * @throws Error if the runs end early
 */
export function readRuns(bytes: Uint8Array, width: number, target: Uint8Array | Uint32Array): void {
  if (width > 32) throw new Error(`numbers of ${width} bits in runs`);
  const count = target.length;
  let at = 0;
  let made = 0;
  while (made < count) {
    let head = 0;
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      if (at >= bytes.length || shift > 28) throw new Error('a run of numbers ends too early');
      byte = bytes[at++]!;
      head += (byte & 0x7f) * 2 ** shift;
    }
    const length = Math.floor(head / 2);
    if (head % 2 === 1) {
      const taken = Math.min(8 * length, count - made);
      // Writers may omit the padding of the last group.
      const needed = Math.ceil((taken * width) / 8);
      if (needed > bytes.length - at) throw new Error('a run of numbers ends too early');
      readBits(bytes, at, width, target, made, taken);
      at += Math.min(length * width, bytes.length - at);
      made += taken;
    } else {
      const size = (width + 7) >> 3;
      if (size > bytes.length - at) throw new Error('a run of numbers ends too early');
      let value = 0;
      for (let k = 0; k < size; k++) value += bytes[at++]! * 2 ** (8 * k);
      // Some writers write runs longer than the page: they fill the rest of it.
      const taken = Math.min(length, count - made);
      target.fill(value, made, made + taken);
      made += taken;
    }
  }
}

/** Numbers of `width` bits, lowest bits first. */
export function readBits(
  bytes: Uint8Array,
  start: number,
  width: number,
  target: Uint8Array | Uint32Array,
  from: number,
  count: number,
): void {
  if (width === 0) {
    target.fill(0, from, from + count);
    return;
  }
  if (width === 1) {
    for (let k = 0; k < count; k++) target[from + k] = (bytes[start + (k >> 3)]! >> (k & 7)) & 1;
    return;
  }
  if (width === 8) {
    for (let k = 0; k < count; k++) target[from + k] = bytes[start + k]!;
    return;
  }
  const mask = width >= 32 ? 0xffff_ffff : 2 ** width - 1;
  let at = start;
  let shift = 0;
  for (let k = 0; k < count; k++) {
    // Bytes beyond the end count as 0; the caller has checked that no number lies there.
    let value =
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> shift;
    if (shift + width > 32) value |= bytes[at + 4]! << (32 - shift);
    target[from + k] = (value & mask) >>> 0;
    shift += width;
    at += shift >> 3;
    shift &= 7;
  }
}
