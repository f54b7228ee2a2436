/** A small generator of random numbers: `next(n)` is a whole number from 0 to n - 1. The same seed gives the same numbers. */
export function randomNumbers(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0; // mulberry32
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** What a mutation gives. */
export interface Mutated {
  readonly bytes: Uint8Array;
  /** What was done, for the failure message. */
  readonly what: string;
}

type Mutate = (bytes: Uint8Array, random: (n: number) => number) => Mutated;

/** Numbers that break readers: limits of the integer types, and counts that no file of this size can hold. */
const bigNumbers = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 40n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

const mutations: Readonly<Record<string, Mutate>> = {
  flip(bytes, random) {
    const copy = bytes.slice();
    const offsets = Array.from({ length: 1 + random(3) }, () => random(copy.length));
    for (const offset of offsets) copy[offset] = (copy[offset] as number) ^ (1 << random(8));
    return { bytes: copy, what: `flip a bit at ${offsets.join(', ')}` };
  },
  set(bytes, random) {
    const copy = bytes.slice();
    const offset = random(copy.length);
    copy[offset] = random(256);
    return { bytes: copy, what: `set the byte at ${offset} to ${copy[offset]}` };
  },
  insert(bytes, random) {
    const offset = random(bytes.length + 1);
    const inserted = Uint8Array.from({ length: 1 + random(16) }, () => random(256));
    return {
      bytes: joined(bytes.subarray(0, offset), inserted, bytes.subarray(offset)),
      what: `insert ${inserted.length} bytes at ${offset}`,
    };
  },
  delete(bytes, random) {
    const offset = random(bytes.length);
    const end = Math.min(bytes.length, offset + 1 + random(16));
    return {
      bytes: joined(bytes.subarray(0, offset), bytes.subarray(end)),
      what: `delete ${end - offset} bytes at ${offset}`,
    };
  },
  zero(bytes, random) {
    const offset = random(bytes.length);
    const end = Math.min(bytes.length, offset + 1 + random(512));
    return { bytes: bytes.slice().fill(0, offset, end), what: `zero ${end - offset} bytes at ${offset}` };
  },
  swap(bytes, random) {
    const size = Math.min(1 + random(512), bytes.length >> 1);
    const first = random(bytes.length - 2 * size + 1);
    const second = first + size + random(bytes.length - first - 2 * size + 1);
    const copy = bytes.slice();
    copy.set(bytes.subarray(second, second + size), first);
    copy.set(bytes.subarray(first, first + size), second);
    return { bytes: copy, what: `swap ${size} bytes at ${first} and ${second}` };
  },
  truncate(bytes, random) {
    const end = random(bytes.length);
    return { bytes: bytes.slice(0, end), what: `cut to ${end} bytes` };
  },
  bigNumber(bytes, random) {
    const size = ([1, 2, 4, 8] as const)[random(4)] as number;
    if (bytes.length < size) return mutations.truncate?.(bytes, random) as Mutated;
    const copy = bytes.slice();
    const offset = random(Math.floor(bytes.length / size)) * size;
    const number = bigNumbers[random(bigNumbers.length)] as bigint;
    const littleEndian = random(4) > 0;
    for (let i = 0; i < size; i++)
      copy[offset + i] = Number((number >> BigInt(8 * (littleEndian ? i : size - 1 - i))) & 0xffn);
    return {
      bytes: copy,
      what: `put ${number} as ${size} ${littleEndian ? 'little' : 'big'}-endian bytes at ${offset}`,
    };
  },
};

/** One random mutation of a file's bytes. */
export function mutate(bytes: Uint8Array, random: (n: number) => number): Mutated {
  if (bytes.length === 0) return mutations.insert?.(bytes, random) as Mutated;
  const all = Object.values(mutations);
  // Headers are short and decide everything, so half of the mutations go into the first or last 512 bytes.
  const focus = random(4);
  const size = Math.min(bytes.length, 512);
  const chosen = all[random(all.length)] as Mutate;
  if (focus > 1 || size === bytes.length) return chosen(bytes, random);
  const start = focus === 0 ? 0 : bytes.length - size;
  const part = chosen(bytes.subarray(start, start + size), random);
  return {
    bytes: joined(bytes.subarray(0, start), part.bytes, bytes.subarray(start + size)),
    what: start === 0 ? part.what : `${part.what} (of the bytes from ${start})`,
  };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
