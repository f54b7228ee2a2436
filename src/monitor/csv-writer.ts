import { AppendedFile } from './appended-file.js';
import type { FigureWriter } from './figure-writer.js';
import { valuesOf } from './metrics.js';
import type { RunFigures } from './run-statistics.js';

/**
 * Writes figures as comma-separated values, one line per moment, with a header. The first line fixes the columns: a
 * curriculum that starts later gets none.
 */
export class CsvWriter implements FigureWriter {
  readonly #file: AppendedFile;
  #columns: readonly string[] | undefined;

  /** @throws {@link StorageError} if the file cannot be created */
  constructor(path: string) {
    this.#file = new AppendedFile(path);
  }

  write(figures: RunFigures): void {
    const values = new Map(
      valuesOf(figures).map(({ metric, labeled, value }) => [columnOf(metric.name, labeled), value]),
    );
    if (!this.#columns) {
      this.#columns = [...values.keys()];
      this.#file.append(`${['time', ...this.#columns].map(quoted).join(',')}\n`);
    }
    const cells = this.#columns.map((column) => String(values.get(column) ?? ''));
    this.#file.append(`${[new Date(figures.at).toISOString(), ...cells].join(',')}\n`);
  }

  close(): void {
    this.#file.close();
  }
}

function columnOf(name: string, labeled: string | undefined): string {
  return labeled === undefined ? name : `${name}_${labeled}`;
}

/** Names of metrics may contain any character. */
function quoted(cell: string): string {
  return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
