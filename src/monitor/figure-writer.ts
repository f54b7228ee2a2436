import type { RunFigures } from './run-statistics.js';

/** Writes the figures of a run, moment by moment. */
export interface FigureWriter {
  /** @throws {@link StorageError} when the disk refuses. */
  write(figures: RunFigures): void;
  close(): void;
}
