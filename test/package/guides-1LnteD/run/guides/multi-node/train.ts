// train.ts
import { ArrayDataset, DataLoader } from 'millrace';
import { detectRank } from 'millrace/distributed';

const dataset = new ArrayDataset(Array.from({ length: 12 }, (_, i) => i));
const { rank, worldSize } = detectRank();
const loader = new DataLoader(dataset, {
  batchSize: 6,
  shuffle: true,
  seed: 3,
  rank,
  worldSize,
});

for await (const { data } of loader)
  console.log(`rank ${rank} of ${worldSize}: ${data}`);
