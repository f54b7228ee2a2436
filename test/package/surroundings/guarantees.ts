// The environment of the snippets in docs/guarantees.md: a loader that has delivered batches.
import { ArrayDataset, DataLoader } from 'millrace';

export const loader: DataLoader<number> = new DataLoader(new ArrayDataset([1, 2, 3, 4]), { batchSize: 2 });
for await (const _ of loader);
