// Whole numbers of 64 bits, built from halves. Loops over `bigint` with `BigInt.asIntN(64, …)` behind them are shorter, and end
// the process: the optimizing compiler of Node.js 20 fails on them (RepresentationChangerError).

const view = new DataView(new ArrayBuffer(8));

/** The number with these 32-bit halves, in two's complement. */
export function signed64(low: number, high: number): bigint {
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  return view.getBigInt64(0, true);
}

/** Decodes a zigzag number: 0, -1, 1, -2 … are stored as 0, 1, 2, 3 … */
function zigZag64(low: number, high: number): bigint {
  const sign = -(low & 1);
  return signed64((((low >>> 1) | (high << 31)) ^ sign) >>> 0, ((high >>> 1) ^ sign) >>> 0);
}

/** Reads numbers of 7 bits per byte, lowest first (LEB128). */
export class VarIntReader {
  at: number;
  readonly bytes: Uint8Array;
  /** The halves of the last number. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes;
    this.at = start;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new RangeError('it ends within a number');
    return byte;
  }

  /** Reads a number, which is exact up to 2^53. */
  varInt(): number {
    this.low = 0;
    this.high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 32) this.low = (this.low | (bits << shift)) >>> 0;
      if (shift > 25)
        this.high = (this.high | (shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32))) >>> 0;
      if (byte < 0x80) return this.high * 2 ** 32 + this.low;
    }
    throw new Error('a number has more than ten bytes');
  }

  zigZag(): bigint {
    this.varInt();
    return zigZag64(this.low, this.high);
  }

  /** The lowest 32 bits of a zigzag number. */
  zigZag32(): number {
    this.varInt();
    return ((this.low >>> 1) | (this.high << 31)) ^ -(this.low & 1);
  }
}
