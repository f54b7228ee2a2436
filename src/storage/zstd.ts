import { FormatError } from '../core/errors.js';
import { webAssembly } from '../kernels/web-assembly.js';
import { checkDecompressed } from './decompressed-limit.js';
import { zstdBase64 } from './zstd-bytes.js';

/** What libzstd's WebAssembly exports. All arguments are addresses in its memory, or numbers of bytes. */
interface ZstdFunctions {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(address: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** Why a decoder refuses data, by libzstd's error codes (`zstd_errors.h`). */
const reasons: Readonly<Record<number, string>> = {
  10: 'it is not zstd data',
  14: 'it uses a feature of zstd that is not known',
  20: 'it is damaged',
  22: 'its checksum does not match',
  32: 'it needs a dictionary, which Millrace does not support',
  64: 'there is not enough memory',
};
const windowTooLarge = 16;

/** Bytes of output that libzstd recommends: one block. */
const outputBytes = 2 ** 17;
/** Input is copied to libzstd's memory in parts of this size. */
const inputBytes = 2 ** 18;
/** libzstd's own limit, and that of the `zstd` command. */
const largestWindow = '128 MiB';

/** A decoder with more memory than this is not kept for the next call. */
const keptMemoryBytes = 2 ** 25;

let compiled: object | undefined;
/** A decoder that `unzstdSync` can use again: making one takes a millisecond. */
let idle: ZstdDecoder | undefined;

/**
 * Decompresses zstd data of one or several frames, piece by piece. libzstd checks the checksum of every frame that has one.
 *
 * A decoder has WebAssembly memory of its own (the frame's window and about 1 MiB), which is collected with it.
 */
export class ZstdDecoder {
  readonly #zstd: ZstdFunctions;
  readonly #context: number;
  readonly #input: number;
  readonly #output: number;
  /** `ZSTD_inBuffer`, then `ZSTD_outBuffer`: address, size and position of each. */
  readonly #buffers: number;
  /** Bytes that libzstd expects next: 0 at the end of a frame. */
  #expected = 1;

  constructor() {
    const { Instance, Module } = webAssembly();
    compiled ??= new Module(Uint8Array.from(atob(zstdBase64), (character) => character.charCodeAt(0)));
    const env = { emscripten_notify_memory_growth: () => {} };
    this.#zstd = new Instance(compiled, { env }).exports as ZstdFunctions;
    this.#context = this.#zstd.ZSTD_createDCtx();
    this.#input = this.#zstd.malloc(inputBytes);
    this.#output = this.#zstd.malloc(outputBytes);
    this.#buffers = this.#zstd.malloc(24);
  }

  /** What this piece of the compressed data gives. @throws {@link FormatError} where it is damaged */
  *decode(piece: Uint8Array): Generator<Uint8Array> {
    for (let start = 0; start < piece.length; start += inputBytes)
      yield* this.#decodePart(piece.subarray(start, start + inputBytes));
  }

  /** Bytes of its memory. */
  get memoryBytes(): number {
    return this.#zstd.memory.buffer.byteLength;
  }

  /** Says that there is no more data. @throws {@link FormatError} where a frame is cut short */
  end(): void {
    if (this.#expected !== 0) throw damaged('it is cut short');
    this.#expected = 1;
  }

  *#decodePart(part: Uint8Array): Generator<Uint8Array> {
    new Uint8Array(this.#zstd.memory.buffer).set(part, this.#input);
    for (let position = 0, isFull = false; position < part.length || isFull; ) {
      // The memory may have grown, which detaches views.
      let view = new DataView(this.#zstd.memory.buffer, this.#buffers, 24);
      const fields = [this.#input, part.length, position, this.#output, outputBytes, 0];
      for (const [k, field] of fields.entries()) view.setUint32(4 * k, field, true);
      this.#expected = this.#zstd.ZSTD_decompressStream(this.#context, this.#buffers + 12, this.#buffers);
      if (this.#expected < 0 && this.#expected > -120) throw refused(-this.#expected);
      view = new DataView(this.#zstd.memory.buffer, this.#buffers, 24);
      position = view.getUint32(8, true);
      const made = view.getUint32(20, true);
      isFull = made === outputBytes && this.#expected !== 0;
      if (made > 0) yield new Uint8Array(this.#zstd.memory.buffer).slice(this.#output, this.#output + made);
    }
  }
}

/**
 * Decompresses zstd data in memory.
 *
 * @param limit - Most bytes that it may give.
 * @throws {@link FormatError} where it is damaged, cut short, or gives more than the limit.
 */
export function unzstdSync(bytes: Uint8Array, limit: number): Uint8Array {
  const decoder = idle ?? new ZstdDecoder();
  // After an error it may be in the middle of a frame: only one that came to an end is used again.
  idle = undefined;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (const piece of decoder.decode(bytes)) {
    length += piece.length;
    checkDecompressed(length, limit, {});
    pieces.push(piece);
  }
  decoder.end();
  if (decoder.memoryBytes <= keptMemoryBytes) idle = decoder;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function refused(code: number): FormatError {
  if (code !== windowTooLarge) return damaged(reasons[code] ?? `libzstd's error ${code}`);
  return new FormatError(`The zstd data needs a window of more than ${largestWindow}`, {
    next: 'It was compressed with a long window. Compress it again with a smaller one: zstd -d --long=31 --stdout FILE | zstd -o NEW_FILE.',
  });
}

function damaged(why: string): FormatError {
  return new FormatError(`The zstd data cannot be read: ${why}`, {
    next: 'Copy or compress the file again.',
  });
}
