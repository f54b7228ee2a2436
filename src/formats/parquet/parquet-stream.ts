import { firstAbove } from '../../core/first-above.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import type { FileRecipe } from '../file-dataset.js';
import { FileStream, type ReadFrom, StreamedFiles, type StreamedFilesRecipe } from '../file-stream.js';
import { chooseRows } from '../tables/choose-rows.js';
import { TableRows, type TableShard } from '../tables/table-rows.js';
import { parseWhere, type Where, whereJson } from '../where/where.js';
import { ParquetFile } from './parquet-file.js';
import { type ColumnsOfFile, checkColumnsOf, columnsOf } from './same-columns.js';

/** What decoding needs besides the files. */
export interface ParquetStreamSettings {
  readonly columns?: readonly string[] | undefined;
  readonly where?: Where | undefined;
  readonly maxDecompressedBytes: number;
  /** Columns of the first file, which the others must have. */
  readonly first: ColumnsOfFile;
}

/** Blocks that stay decoded: the one whose rows are due, and the next. */
const cacheBlocks = 2;

/** The rows of Parquet files in order, as opened by `ParquetDataset.stream`. A footer is read when the first row of its file is due. */
export class ParquetStream<T> extends FileStream<T, ParquetStreamSettings> {
  private constructor(files: StreamedFiles, settings: ParquetStreamSettings) {
    super('ParquetStream', files, settings);
  }

  /**
   * Reads the footer of the first file.
   *
   * @throws {@link FormatError} if it is damaged; {@link ConfigError} for a column that it does not have.
   */
  static async of<T>(
    sources: readonly ByteSource[],
    settings: Omit<ParquetStreamSettings, 'first'>,
  ): Promise<ParquetStream<T>> {
    const [file, files] = await Promise.all([
      ParquetFile.open(sources[0]!, {
        columns: settings.columns,
        maxDecompressedBytes: settings.maxDecompressedBytes,
      }),
      StreamedFiles.of(sources),
    ]);
    // Also checks the names of columns.
    await chooseRows('ParquetDataset', [], file.columnNames, { ...choiceOf(settings) });
    return new ParquetStream(files, { ...settings, first: columnsOf(file) });
  }

  protected override async openFile(source: ByteSource): Promise<ReadFrom<T>> {
    const { columns, maxDecompressedBytes, first } = this.settings;
    const file = await ParquetFile.open(source, { columns, maxDecompressedBytes });
    checkColumnsOf(file, first);
    const shard: TableShard<ParquetFile> = { file, fingerprint: '' };
    const found = await chooseRows('ParquetDataset', [shard], file.columnNames, choiceOf(this.settings));
    const rows = new TableRows('ParquetDataset', found.shards, {
      columns: found.columns,
      cacheBlocks,
      maxDecompressedBytes,
    });
    const chosen = found.shards[0]!.rows;
    /** The sample with which the block after that of a sample begins. */
    const nextBlock = (index: number): number => {
      const end = file.bounds[firstAbove(file.bounds, chosen ? chosen[index]! : index)]!;
      return chosen ? firstAtLeast(chosen, end) : end;
    };
    return async function* (place) {
      let ahead = place;
      for (let index = place; index < rows.length; index++) {
        const row = await rows.get(index);
        if (index >= ahead) {
          ahead = nextBlock(index);
          // Decodes it meanwhile. A failure is thrown when its rows are due.
          if (ahead < rows.length) Promise.resolve(rows.get(ahead)).catch(() => {});
        }
        yield [row as T, index + 1];
      }
    };
  }

  protected override identity() {
    const { columns, where } = this.settings;
    return {
      columns: columns ? [...columns] : null,
      ...(where && { where: whereJson(parseWhere('ParquetDataset', where)) }),
    };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<StreamedFilesRecipe, ParquetStreamSettings>,
    make: MakeFromRecipe,
  ): Promise<ParquetStream<unknown>> {
    return new ParquetStream(await StreamedFiles.fromRecipe(rows, make), settings);
  }
}

function choiceOf({ columns, where }: Pick<ParquetStreamSettings, 'columns' | 'where'>) {
  return { columns, where, constants: undefined };
}

/** The first place of ascending numbers that holds `value` or more. */
function firstAtLeast(numbers: Float64Array, value: number): number {
  return firstAbove(numbers, value - 1);
}
