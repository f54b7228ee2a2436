// The environment of the snippets in docs/monitoring.md: a loader, and a training step.
import { mkdirSync } from 'node:fs';
import { ArrayDataset, DataLoader, type Dataset } from 'millrace';

mkdirSync('runs/a', { recursive: true });
export const dataset: Dataset<number> = new ArrayDataset(Array.from({ length: 256 }, (_, i) => i));
export const loader: DataLoader<number> = new DataLoader(dataset, { batchSize: 32 });
export const train = (_batch: unknown): void => {};
