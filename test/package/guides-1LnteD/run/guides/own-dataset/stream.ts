// stream.ts
import { DataLoader, type IterableDataset, type ShardContext } from 'millrace';

const counters: IterableDataset<number> = {
  numShards: 2,
  *iterate({ shard }: ShardContext) {
    for (let i = 0; i < 3; i++) yield 10 * shard + i;
  },
};
for await (const { data } of new DataLoader(counters, { batchSize: 2 }))
  console.log([...data]);
