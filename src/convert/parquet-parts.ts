import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Dataset } from '../core/dataset.js';
import { FormatError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import type { PartReceipt } from '../parts/part-receipt.js';
import { samplesOf } from '../parts/part-samples.js';
import type { OnPartProgress } from '../parts/progress-count.js';
import type { FileWriter } from '../storage/file-writer.js';
import { rowOf, type TypedColumn } from './parquet-types.js';
import { schemaOf, writable } from './parquet-values.js';
import type { Part, PartWriter } from './part.js';
import { writePartFile } from './write-part-file.js';

/** Rows per row group, which are in memory together. A loader reads, and a shuffle mixes, whole row groups. */
const rowsPerGroup = 8_192;
/** Maximum number of encoded bytes that wait to be written. */
const waitingBytes = 2 ** 20;

/** Writes each part of the input as a Parquet file, compressed by Snappy. */
export class ParquetParts implements PartWriter {
  readonly #dataset: Dataset<unknown>;
  readonly #columns: readonly TypedColumn[];

  constructor(dataset: Dataset<unknown>, columns: readonly TypedColumn[]) {
    this.#dataset = dataset;
    this.#columns = columns;
  }

  write(part: Part, folder: string, onProgress: OnPartProgress): Promise<PartReceipt> {
    return writePartFile(part, folder, 'parquet', async (file) => {
      const writer = new ParquetWriter({
        writer: intoFile(file),
        schema: schemaOf(this.#columns),
        createdBy: 'millrace',
      });
      let group = this.#emptyGroup();
      let rows = 0;
      for await (const { index, sample } of samplesOf(this.#dataset, [part.start, part.end])) {
        this.#add(group, sample, index);
        onProgress({ samples: 1 });
        rows += 1;
        if (rows % rowsPerGroup !== 0 && index + 1 < part.end) continue;
        const columnData = this.#columns.map(({ name, type }, k) => ({
          name,
          data: group[k]!,
          // Plain encoding: fastparquet cannot read run lengths of booleans with missing values.
          ...(type === 'bool' && ({ encoding: 'PLAIN' } as const)),
        }));
        await writer.write({ columnData, rowGroupSize: rowsPerGroup });
        group = this.#emptyGroup();
      }
      await writer.finish();
    });
  }

  close(): void | Promise<void> {
    return this.#dataset.close?.();
  }

  #emptyGroup(): unknown[][] {
    return this.#columns.map(() => []);
  }

  #add(group: unknown[][], sample: unknown, index: number): void {
    const row = rowOf(sample);
    for (const [k, { name, type }] of this.#columns.entries()) {
      const given = ownValue(row, name);
      const value = writable(given, type);
      if (value === undefined) throw mismatch(name, type, given, index);
      group[k]!.push(value);
    }
    const unknown = Object.keys(row).find((name) => !this.#has(name));
    if (unknown === undefined) return;
    throw new FormatError(`A sample has the column ${unknown}, which earlier samples lack`, {
      where: { index, column: unknown },
      next: `Set its type with { types: { ${unknown}: 'json' } } (--types ${unknown}=json), or select columns.`,
    });
  }

  #has(name: string): boolean {
    return this.#columns.some((column) => column.name === name);
  }
}

function mismatch(column: string, type: string, value: unknown, index: number): FormatError {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
  return new FormatError(`The column ${column} has the type ${type}, and a sample contains ${text}`, {
    where: { index, column },
    next: `Set its type with { types: { ${column}: 'json' } } (--types ${column}=json), or another type.`,
  });
}

/** Writes the encoder's output to a file, piece by piece. */
function intoFile(file: FileWriter): ByteWriter {
  const writer = new ByteWriter(2 * waitingBytes);
  const grow = writer.ensure.bind(writer);
  const drain = (): void => {
    file.append(new Uint8Array(writer.buffer, 0, writer.index));
    writer.index = 0;
  };
  writer.ensure = (size) => {
    if (writer.index > waitingBytes) drain();
    grow(size);
  };
  writer.finish = drain;
  return writer;
}
