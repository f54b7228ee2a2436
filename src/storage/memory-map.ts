import { bytesPerElement, type TypedArrayOf, viewOf } from '../core/dtype.js';
import { peerRequire } from '../core/peer.js';
import type { ByteRanges, NumberDType } from './byte-source.js';

/** The part of koffi, an optional peer, that Millrace uses. */
interface Koffi {
  load(path: null): { func(definition: string): (...values: never[]) => unknown };
  view(pointer: bigint, byteLength: number): ArrayBuffer;
}

interface SystemCalls {
  readonly view: Koffi['view'];
  mmap(
    address: null,
    length: number,
    protection: number,
    flags: number,
    descriptor: number,
    offset: number,
  ): bigint | null;
  munmap(address: bigint, length: number): number;
  madvise(address: bigint, length: number, advice: number): number;
  memcpy(target: number, source: number, length: number): void;
  /** C's memmove, called with length 0 for the address that it returns. */
  addressOf(target: Uint8Array, source: Uint8Array, length: 0): bigint;
}

const readable = 1;
const shared = 1;
const adviceWillNeed = 3;

/** Addresses in advice to the system must begin a page; 64 KiB is a multiple of every page size in use. */
const pageBytes = 65_536;

/** A typed array views at most 4 GiB, so the file is viewed in pieces. */
const pieceBytes = 2 ** 30;

/** Ranges of up to this many bytes are copied byte by byte. */
const longestElement = 8;

/** The smallest page size of address translation. */
const touchBytes = 4_096;

/**
 * A read-only memory map of a file: reads are copies without a system call. Needs koffi, on Linux or macOS.
 *
 * The mapped bytes are never handed out: reading them after the end of the map, or past the end of a truncated file, ends the process.
 */
export class MemoryMap {
  readonly #system: SystemCalls;
  readonly #address: bigint;
  readonly #byteLength: number;
  readonly #pieces: (Uint8Array | undefined)[] = [];
  /** The pieces as elements of one dtype. */
  readonly #elementPieces: (TypedArrayOf<NumberDType> | undefined)[] = [];
  #elementDType: NumberDType | undefined;
  /** Sum of the touched bytes; the compiler would remove reads without a use. */
  touched = 0;

  private constructor(system: SystemCalls, address: bigint, byteLength: number) {
    this.#system = system;
    this.#address = address;
    this.#byteLength = byteLength;
  }

  /** Maps an open file of `byteLength` bytes; `undefined` if that is not possible. */
  static open(descriptor: number, byteLength: number): MemoryMap | undefined {
    const system = systemCalls();
    if (!system || byteLength === 0) return undefined;
    const address = system.mmap(null, byteLength, readable, shared, descriptor, 0);
    // A failure returns -1, the highest address.
    if (address === null || address >= 2n ** 63n || address < 0n) return undefined;
    return new MemoryMap(system, address, byteLength);
  }

  /** Copies ranges as `LocalSource.readRangesSync` does. They must lie within the file, and their slots within the target. */
  copyRanges({ starts, length }: ByteRanges, target: Uint8Array, stride: number): void {
    if (starts.length === 0) return;
    if (length <= longestElement) {
      this.#copyElements(starts, length, target, stride);
      return;
    }
    this.#touch(starts, length);
    const { memcpy, addressOf } = this.#system;
    // Small arrays lie in the JavaScript heap, where they may move until their buffer is accessed.
    void target.buffer;
    const to = Number(addressOf(target, target, 0));
    const from = Number(this.#address);
    for (let k = 0; k < starts.length; k++) {
      const start = starts[k]!;
      memcpy(to + k * stride + (start % 8), from + start, length);
    }
  }

  /** For a few bytes, a call into C costs more than the copy. */
  #copyElements(starts: ArrayLike<number>, length: number, target: Uint8Array, stride: number): void {
    for (let k = 0; k < starts.length; k++) {
      const start = starts[k]!;
      const to = k * stride + (start % 8);
      let number = Math.floor(start / pieceBytes);
      let piece = this.#pieces[number] ?? this.#view(number);
      let from = start - number * pieceBytes;
      for (let i = 0; i < length; i++, from++) {
        if (from === pieceBytes) {
          piece = this.#view(++number);
          from = 0;
        }
        target[to + i] = piece[from]!;
      }
    }
  }

  /** Replaces element positions, counted from the start of the file, by the elements. They must lie within the file. */
  replaceByElements(places: Int32Array | Float64Array, dtype: NumberDType): void {
    const perPiece = pieceBytes / bytesPerElement(dtype);
    for (let from = 0; from < places.length; ) {
      const number = Math.floor(places[from]! / perPiece);
      const to = this.#byteLength <= pieceBytes ? places.length : endOfPiece(places, from, number, perPiece);
      gather(places, from, to, this.#elements(number, dtype), number * perPiece);
      from = to;
    }
  }

  /** A piece as elements. */
  #elements(number: number, dtype: NumberDType): TypedArrayOf<NumberDType> {
    const known = this.#elementPieces[number];
    if (known && this.#elementDType === dtype) return known;
    if (this.#elementDType !== dtype) this.#elementPieces.length = 0;
    this.#elementDType = dtype;
    const { buffer, byteOffset, byteLength } = this.#pieces[number] ?? this.#view(number);
    const elements = viewOf(dtype, buffer, byteOffset, Math.floor(byteLength / bytesPerElement(dtype)));
    this.#elementPieces[number] = elements;
    return elements;
  }

  /**
   * Reads a byte of each page, so that the processor fetches the starts of all ranges at once. Copies alone wait for one after
   * the other, which takes a third longer.
   */
  #touch(starts: ArrayLike<number>, length: number): void {
    let sum = 0;
    for (let k = 0; k < starts.length; k++) {
      const end = starts[k]! + length;
      for (let at = starts[k]!; at < end; at += touchBytes) {
        const number = Math.floor(at / pieceBytes);
        sum += (this.#pieces[number] ?? this.#view(number))[at - number * pieceBytes]!;
      }
    }
    this.touched = sum;
  }

  /** Advises the system to fetch bytes `start … start + length - 1` from disk in the background. */
  willNeed(start: number, length: number): void {
    const first = start - (start % pageBytes);
    this.#system.madvise(this.#address + BigInt(first), start + length - first, adviceWillNeed);
  }

  /** Ends the map. The file must not be read afterwards. */
  close(): void {
    this.#pieces.length = 0;
    this.#elementPieces.length = 0;
    this.#system.munmap(this.#address, this.#byteLength);
  }

  #view(number: number): Uint8Array {
    const start = number * pieceBytes;
    const length = Math.min(pieceBytes, this.#byteLength - start);
    const piece = new Uint8Array(this.#system.view(this.#address + BigInt(start), length));
    this.#pieces[number] = piece;
    return piece;
  }
}

/** End of the positions that lie in one piece of the file. */
function endOfPiece(
  places: Int32Array | Float64Array,
  from: number,
  number: number,
  perPiece: number,
): number {
  let to = from + 1;
  while (to < places.length && Math.floor(places[to]! / perPiece) === number) to++;
  return to;
}

/**
 * Replaces positions by the elements at them, counted from `first`.
 *
 * Random reads wait for memory. The processor overlaps as many as fit in its window of a few hundred instructions: reading four
 * at a time, with one check for all, overlaps twice as many.
 */
function gather(
  places: Int32Array | Float64Array,
  from: number,
  to: number,
  elements: TypedArrayOf<NumberDType>,
  first: number,
): void {
  let k = from;
  for (; k <= to - 4; k += 4) {
    const a = elements[(places[k]! - first) >>> 0]!;
    const b = elements[(places[k + 1]! - first) >>> 0]!;
    const c = elements[(places[k + 2]! - first) >>> 0]!;
    const d = elements[(places[k + 3]! - first) >>> 0]!;
    places[k] = a;
    places[k + 1] = b;
    places[k + 2] = c;
    places[k + 3] = d;
  }
  for (; k < to; k++) places[k] = elements[(places[k]! - first) >>> 0]!;
}

let calls: SystemCalls | null | undefined;

function systemCalls(): SystemCalls | undefined {
  calls ??= findSystemCalls();
  return calls ?? undefined;
}

function findSystemCalls(): SystemCalls | null {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return null;
  try {
    const koffi = peerRequire()('koffi') as Koffi;
    const system = koffi.load(null);
    return {
      view: koffi.view,
      mmap: system.func(
        'void *mmap(void *address, size_t length, int protection, int flags, int descriptor, int64_t offset)',
      ) as SystemCalls['mmap'],
      munmap: system.func('int munmap(void *address, size_t length)') as SystemCalls['munmap'],
      madvise: system.func('int madvise(void *address, size_t length, int advice)') as SystemCalls['madvise'],
      memcpy: system.func(
        'void memcpy(uint64_t target, uint64_t source, size_t length)',
      ) as SystemCalls['memcpy'],
      addressOf: system.func(
        'void *memmove(void *target, void *source, size_t length)',
      ) as SystemCalls['addressOf'],
    };
  } catch {
    return null;
  }
}
