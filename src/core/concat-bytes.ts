/** Concatenates byte arrays into new memory. */
export function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * Collects byte arrays that come one after the other.
 *
 * @param check - Called with the number of bytes so far, before they are kept. Throws if they are too many.
 */
export async function collectBytes(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  check: (bytes: number) => void,
): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    check(length);
    kept.push(piece);
  }
  return concatBytes(kept);
}
