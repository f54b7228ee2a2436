import { createRequire } from 'node:module';

/** The part of koffi, an optional peer, that is used here. */
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
}

const readable = 1;
const shared = 1;
const adviceWillNeed = 3;

/** Addresses that the system is told of must begin a page; 64 KiB is a multiple of every page size in use. */
const pageBytes = 65_536;

/** A typed array cannot view more than 4 GiB, so the file is viewed in pieces. */
const pieceBytes = 2 ** 30;

/**
 * A file mapped into memory, read-only: reading is copying, without a system call. It needs koffi, and Linux or macOS.
 *
 * The mapped bytes are never given out: reading them after the end of the map, or past the end of a file that was cut short
 * meanwhile, ends the process.
 */
export class MemoryMap {
  readonly #system: SystemCalls;
  readonly #address: bigint;
  readonly #byteLength: number;
  readonly #pieces: (Uint8Array | undefined)[] = [];

  private constructor(system: SystemCalls, address: bigint, byteLength: number) {
    this.#system = system;
    this.#address = address;
    this.#byteLength = byteLength;
  }

  /** Maps an open file of `byteLength` bytes; `undefined` where that is not possible. */
  static open(descriptor: number, byteLength: number): MemoryMap | undefined {
    const system = systemCalls();
    if (!system || byteLength === 0) return undefined;
    const address = system.mmap(null, byteLength, readable, shared, descriptor, 0);
    // The failure is -1, the highest address.
    if (address === null || address >= 2n ** 63n || address < 0n) return undefined;
    return new MemoryMap(system, address, byteLength);
  }

  /** Copies bytes `start … start + length - 1` to `target` from `offset` on. They must lie in the file. */
  copy(start: number, length: number, target: Uint8Array, offset: number): void {
    const end = start + length;
    for (let from = start; from < end; ) {
      const number = Math.floor(from / pieceBytes);
      const inPiece = from - number * pieceBytes;
      const piece = this.#pieces[number] ?? this.#view(number);
      const to = Math.min(pieceBytes, inPiece + end - from);
      target.set(piece.subarray(inPiece, to), offset + from - start);
      from += to - inPiece;
    }
  }

  /** Has the system fetch bytes `start … start + length - 1` from the disk, in the background. */
  willNeed(start: number, length: number): void {
    const first = start - (start % pageBytes);
    this.#system.madvise(this.#address + BigInt(first), start + length - first, adviceWillNeed);
  }

  /** Ends the map. Nothing may be read from it any more. */
  close(): void {
    this.#pieces.length = 0;
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

let calls: SystemCalls | null | undefined;

function systemCalls(): SystemCalls | undefined {
  calls ??= findSystemCalls();
  return calls ?? undefined;
}

function findSystemCalls(): SystemCalls | null {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return null;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const system = koffi.load(null);
    return {
      view: koffi.view,
      mmap: system.func(
        'void *mmap(void *address, size_t length, int protection, int flags, int descriptor, int64_t offset)',
      ) as SystemCalls['mmap'],
      munmap: system.func('int munmap(void *address, size_t length)') as SystemCalls['munmap'],
      madvise: system.func('int madvise(void *address, size_t length, int advice)') as SystemCalls['madvise'],
    };
  } catch {
    return null;
  }
}
