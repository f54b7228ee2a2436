import type { RunFigures } from './run-statistics.js';

/** Writes the figures of a run, one moment after another. */
export interface FigureWriter {
  /** @throws {@link StorageError} if writing fails */
  write(figures: RunFigures): void;
  close(): void;
}
