import { Buffer } from 'node:buffer';
import { FormatError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { compressionOf, decompress } from '../../storage/decompress.js';
import { MemorySource } from '../../storage/memory-source.js';
import type { FileRecipe } from '../file-dataset.js';
import { FileStream, type ReadFrom, StreamedFiles, type StreamedFilesRecipe } from '../file-stream.js';
import { checkLineEnds, startOfText } from './line-index.js';
import { parseJson } from './parse-json.js';

/** What decoding needs besides the files. */
export interface JsonlStreamSettings {
  /** Most bytes of a line. */
  readonly maxDecompressedBytes: number;
}

const lineFeed = 10;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The values of JSON Lines in order, as opened by `JsonlDataset.stream`. Compressed files are decompressed as they are read. */
export class JsonlStream<T = Json> extends FileStream<T, JsonlStreamSettings> {
  private constructor(files: StreamedFiles, settings: JsonlStreamSettings) {
    super('JsonlStream', files, settings);
  }

  static async of<T>(sources: readonly ByteSource[], settings: JsonlStreamSettings): Promise<JsonlStream<T>> {
    return new JsonlStream(await StreamedFiles.of(sources), settings);
  }

  protected override async openFile(source: ByteSource): Promise<ReadFrom<T>> {
    const { maxDecompressedBytes } = this.settings;
    return async function* (place) {
      for await (const { bytes, start, end } of linesFrom(source, place, maxDecompressedBytes)) {
        const text = textOf(bytes, source, start);
        if (text.trim() !== '') yield [jsonOf(text, source, start) as T, end];
      }
    };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<StreamedFilesRecipe, JsonlStreamSettings>,
    make: MakeFromRecipe,
  ): Promise<JsonlStream<unknown>> {
    return new JsonlStream(await StreamedFiles.fromRecipe(rows, make), settings);
  }
}

/** A line without its line feed, and where it begins and the next one does, in bytes of the decompressed file. */
interface Line {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** @throws {@link FormatError} if a line has more than `limit` bytes, or the text is not UTF-8 with line feeds */
async function* linesFrom(source: ByteSource, place: number, limit: number): AsyncGenerator<Line> {
  /** Pieces of a line whose end has not been read. */
  let begun: Buffer[] = [];
  let start = place;
  let at = place;
  for await (const piece of contentFrom(source, place)) {
    let from = 0;
    if (at === 0) start = from = await startOfText(new MemorySource(piece.subarray(0, 4), source.name));
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    for (;;) {
      const to = bytes.indexOf(lineFeed, from);
      if (to < 0) break;
      const end = at + to + 1;
      yield { bytes: joined(begun, bytes.subarray(from, to)), start, end };
      begun = [];
      start = end;
      from = to + 1;
    }
    if (from < bytes.length) begun.push(bytes.subarray(from));
    at += bytes.length;
    if (at - start > limit) throw tooLong(source, start, limit);
  }
  if (begun.length === 0) return;
  const last = joined(begun, Buffer.alloc(0));
  if (place === 0 && start <= 3) await checkLineEnds(new MemorySource(last, source.name));
  yield { bytes: last, start, end: at };
}

/** The content of a file from an offset on. */
async function* contentFrom(source: ByteSource, offset: number): AsyncGenerator<Uint8Array> {
  const packed = compressionOf(source.name)?.compression;
  if (!packed) {
    yield* source.stream(offset);
    return;
  }
  let at = 0;
  for await (const piece of decompress(source, packed)) {
    const rest = piece.subarray(Math.max(0, offset - at));
    at += piece.length;
    if (rest.length > 0) yield rest;
  }
}

/** A line that never ends would fill the memory. */
function tooLong(source: ByteSource, byteOffset: number, limit: number): FormatError {
  return new FormatError(`A line has more than ${limit} bytes`, {
    where: { file: source.name, byteOffset },
    next: 'Check that the file has line feeds. If it does, raise the limit with { maxDecompressedBytes }.',
  });
}

function joined(begun: readonly Buffer[], last: Buffer): Buffer {
  return begun.length === 0 ? last : Buffer.concat([...begun, last]);
}

function textOf(bytes: Uint8Array, source: ByteSource, byteOffset: number): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw damaged(source, byteOffset, 'is not text in UTF-8', cause);
  }
}

function jsonOf(text: string, source: ByteSource, byteOffset: number): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw damaged(source, byteOffset, `is not JSON: ${messageOf(cause)}`, cause);
  }
}

function damaged(source: ByteSource, byteOffset: number, problem: string, cause: unknown): FormatError {
  return new FormatError(`A line ${problem}`, {
    where: { file: source.name, byteOffset },
    next: 'Fix or remove the line, or write the file again.',
    cause,
  });
}
