import { FormatError } from '../core/errors.js';
import { webAssembly } from '../kernels/web-assembly.js';
import { zstdBase64 } from './zstd-bytes.js';

/** Exports of libzstd's WebAssembly. All arguments are addresses in its memory, or numbers of bytes. */
interface ZstdFunctions {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(address: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** Reasons for refusing data, by libzstd's error code (`zstd_errors.h`). */
const reasons: Readonly<Record<number, string>> = {
  10: 'it is not zstd data',
  14: 'it uses a feature of zstd that is not known',
  20: 'it is damaged',
  22: 'its checksum does not match',
  32: 'it needs a dictionary, which Millrace does not support',
  64: 'there is not enough memory',
};
const windowTooLarge = 16;

/** Output bytes that libzstd recommends: one block. */
const outputBytes = 2 ** 17;
/** Input is copied into libzstd's memory in chunks of this size. */
const inputBytes = 2 ** 18;
/** The limit of libzstd and of the `zstd` command. */
const largestWindow = '128 MiB';

/** A decoder with more memory than this is not reused. */
const keptMemoryBytes = 2 ** 25;

let compiled: object | undefined;
/** A decoder to reuse: creating one takes a millisecond, and its memory has to be collected. */
let idle: ZstdDecoder | undefined;

/**
 * Decompresses zstd data of one or more frames, chunk by chunk. libzstd verifies the checksum of every frame that has one.
 *
 * A decoder owns WebAssembly memory (the frame's window and about 1 MiB), which is garbage-collected with it.
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

  /** Decompresses a chunk. @throws {@link FormatError} if it is damaged */
  *decode(piece: Uint8Array): Generator<Uint8Array> {
    for (let start = 0; start < piece.length; start += inputBytes)
      yield* this.#decodePart(piece.subarray(start, start + inputBytes));
  }

  /** Bytes of the decoder's memory. */
  get memoryBytes(): number {
    return this.#zstd.memory.buffer.byteLength;
  }

  /** Ends the data. @throws {@link FormatError} if a frame is truncated */
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

/** A decoder at the start of its data: the idle one, or a new one. */
export function takeZstdDecoder(): ZstdDecoder {
  const decoder = idle ?? new ZstdDecoder();
  idle = undefined;
  return decoder;
}

/** Keeps a decoder for the next data. Call it only after `end`: after an error, a decoder may be inside a frame. */
export function keepZstdDecoder(decoder: ZstdDecoder): void {
  if (decoder.memoryBytes <= keptMemoryBytes) idle = decoder;
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
