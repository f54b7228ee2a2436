// What the snippets of docs/guarantees.md take for granted: a loader that has delivered something.
import { ArrayDataset, DataLoader } from 'millrace';

export const loader: DataLoader<number> = new DataLoader(new ArrayDataset([1, 2, 3, 4]), { batchSize: 2 });
for await (const _ of loader);
