import { Buffer } from 'node:buffer';
import type { RecordBatch, Schema } from 'apache-arrow';
import { type ErrorPlace, FormatError, MillraceError } from '../core/errors.js';
import type { ByteSource } from '../storage/byte-source.js';
import { loadArrow } from './arrow-peer.js';
import { plainColumn } from './arrow-values.js';
import { SharedNumbers } from './shared-numbers.js';
import type { TableBlock, TableFile } from './table-rows.js';

/** What apache-arrow asks of a file that it reads by position. */
interface FileHandleLike {
  readonly fd: number;
  stat(): Promise<{ readonly size: number }>;
  read(
    target: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number; readonly buffer: Uint8Array }>;
  close(): Promise<void>;
}

interface BatchReader {
  readonly schema: Schema;
  readonly numRecordBatches: number;
  readRecordBatch(index: number): Promise<RecordBatch | null>;
}

const fileMagic = 'ARROW1';
/** What a stream ends with: a message of length 0. */
const endOfStream = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/** An Arrow IPC file, or a stream, which is read whole. */
export class ArrowFile implements TableFile {
  readonly source: ByteSource;
  readonly schema: Schema;
  /** Shape `[batches + 1]`: the row at which each record batch begins, and the number of rows. */
  readonly bounds: Float64Array;
  readonly #readBatch: (batch: number) => Promise<RecordBatch | null>;

  private constructor(
    source: ByteSource,
    schema: Schema,
    bounds: Float64Array,
    readBatch: (batch: number) => Promise<RecordBatch | null>,
  ) {
    this.source = source;
    this.schema = schema;
    this.bounds = bounds;
    this.#readBatch = readBatch;
  }

  /**
   * Opens it, and finds how many rows each batch has.
   *
   * @param bounds - What `bounds` said before, so that it need not be found again.
   * @throws {@link FormatError} when it is damaged.
   */
  static async open(source: ByteSource, bounds?: Float64Array): Promise<ArrowFile> {
    const arrow = await loadArrow();
    return guard({ file: source.name }, async () => {
      const head = await source.read(0, Math.min(fileMagic.length, source.byteLength));
      if (Buffer.from(head).toString('latin1') !== fileMagic) {
        const bytes = await source.read(0, source.byteLength);
        if (!endOfStream.every((byte, k) => bytes.at(k - endOfStream.length) === byte))
          throw new Error('it is neither a file, nor a stream with an end: it may be cut short');
        const table = arrow.tableFromIPC(bytes);
        const lengths = table.batches.map(({ numRows }) => numRows);
        return new ArrowFile(source, table.schema, boundsOf(lengths), async (k) => table.batches[k]!);
      }
      const reader = (await arrow.AsyncRecordBatchFileReader.from(
        handleOf(source) as never,
      )) as unknown as BatchReader & {
        open(): Promise<unknown>;
      };
      await reader.open();
      const lengths: number[] = [];
      for (let k = 0; !bounds && k < reader.numRecordBatches; k++)
        lengths.push((await reader.readRecordBatch(k))?.numRows ?? 0);
      // The reader has one place in the file: batches are read one after the other.
      let last: Promise<unknown> = Promise.resolve();
      const readBatch = (k: number) => {
        const reading = last.then(() => reader.readRecordBatch(k));
        last = reading.catch(() => {});
        return reading;
      };
      return new ArrowFile(source, reader.schema, bounds ?? boundsOf(lengths), readBatch);
    });
  }

  /** Estimated by its rows: to know, all batches would have to be read. */
  bytesOfBlock(batch: number): { readonly start: number; readonly end: number }[] {
    const bytesOfRow = this.source.byteLength / this.bounds.at(-1)!;
    return [{ start: this.bounds[batch]! * bytesOfRow, end: this.bounds[batch + 1]! * bytesOfRow }];
  }

  /** Some columns of a record batch. @throws {@link FormatError} when it is damaged. */
  async readBlock(batch: number, columns: readonly string[]): Promise<TableBlock> {
    const arrow = await loadArrow();
    const where = { file: this.source.name, recordBatch: batch };
    return guard(where, async () => {
      const read = await this.#readBatch(batch);
      const [start, end] = [this.bounds[batch]!, this.bounds[batch + 1]!];
      if (read?.numRows !== end - start)
        throw new Error(`the record batch has ${read?.numRows ?? 0} rows, not ${end - start}`);
      const column = (name: string) => {
        const value = plainColumn(arrow, read.getChild(name)!);
        return (row: number): unknown => {
          try {
            return value(row);
          } catch (cause) {
            throw damaged({ ...where, column: name }, cause);
          }
        };
      };
      return { start, columns: columns.map(column) };
    });
  }
}

function boundsOf(lengths: readonly number[]): Float64Array {
  const bounds = new SharedNumbers();
  let start = 0;
  bounds.push(0);
  for (const length of lengths) {
    start += length;
    bounds.push(start);
  }
  return bounds.shared();
}

function handleOf(source: ByteSource): FileHandleLike {
  return {
    fd: -1,
    stat: async () => ({ size: source.byteLength }),
    async read(target, offset, length, position) {
      const bytes = await source.read(position, Math.min(position + length, source.byteLength));
      target.set(bytes, offset);
      return { bytesRead: bytes.length, buffer: target };
    },
    close: async () => {},
  };
}

async function guard<T>(where: ErrorPlace, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause.addPlace(where);
    throw damaged(where, cause);
  }
}

function damaged(where: ErrorPlace, cause: unknown): FormatError {
  return new FormatError(`The Arrow file cannot be read: ${(cause as Error).message}`, {
    where,
    next: 'Copy or write the file again.',
    cause,
  });
}
