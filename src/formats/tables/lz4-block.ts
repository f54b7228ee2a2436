// LZ4 Block Format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. Written here because lz4js decodes past the end of its
// buffer, and hyparquet-compressors takes a block that ends too early for a whole one: both give other data without an error.

/** A block ends with at least this many literal bytes. */
const lastLiterals = 5;

/**
 * Decompresses a block into `target` at `start`. Matches may refer to bytes before it.
 *
 * @returns the end offset of the output
 * @throws Error if the block is damaged or `target` is too small
 */
export function decompressLz4Block(source: Uint8Array, target: Uint8Array, start: number): number {
  const sourceEnd = source.length;
  const targetEnd = target.length;
  let at = 0;
  let end = start;
  let matchEnd = start - lastLiterals;
  const longer = (length: number): number => {
    let total = length;
    for (let byte = 255; byte === 255; ) {
      if (at >= sourceEnd) throw damaged();
      byte = source[at++]!;
      total += byte;
    }
    return total;
  };
  while (at < sourceEnd) {
    const token = source[at++]!;
    const literals = token >> 4 === 15 ? longer(15) : token >> 4;
    if (literals > sourceEnd - at || literals > targetEnd - end) throw damaged();
    if (literals > 0) {
      target.set(source.subarray(at, at + literals), end);
      at += literals;
      end += literals;
    }
    // The last sequence has literals only: at least five, unless there was no match.
    if (at === sourceEnd) {
      if (end - matchEnd < lastLiterals) throw damaged();
      return end;
    }
    if (sourceEnd - at < 2) throw damaged();
    const offset = source[at]! | (source[at + 1]! << 8);
    at += 2;
    const matched = ((token & 15) === 15 ? longer(15) : token & 15) + 4;
    if (offset === 0 || offset > end || matched > targetEnd - end) throw damaged();
    if (offset >= matched) target.copyWithin(end, end - offset, end - offset + matched);
    else for (let k = 0; k < matched; k++) target[end + k] = target[end + k - offset]!;
    end += matched;
    matchEnd = end;
  }
  throw damaged();
}

function damaged(): Error {
  return new Error('an LZ4 block is damaged');
}
