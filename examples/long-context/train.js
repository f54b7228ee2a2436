// One process of the run. It takes its place from the launcher's environment, as under torchrun or Slurm.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { DataLoader, RandomSampler } from 'millrace';
import { BatchSizeRamp } from 'millrace/curriculum';
import { parallelGroups } from 'millrace/distributed';
import { IndexedDataset } from 'millrace/formats';
import { PackedDataset } from 'millrace/tokens';

const { CHECKPOINT: checkpoint, TOKENS: prefix } = process.env;
const { dataParallel, contextParallel } = parallelGroups(); // cp from MILLRACE_CP

const rows = new PackedDataset(await IndexedDataset.open(prefix), {
  rowLength: 1_024,
  sequenceSlice: { style: 'zigzag', rank: contextParallel.rank, worldSize: contextParallel.worldSize },
});
const loader = new DataLoader(rows, {
  // Four sequences a step, and eight from step 3 on.
  batchSampler: new BatchSizeRamp(new RandomSampler(rows, { seed: 1 }), {
    schedule: [
      { step: 0, batchSize: 4 },
      { step: 3, batchSize: 8 },
    ],
  }),
  rank: dataParallel.rank,
  worldSize: dataParallel.worldSize,
  elastic: true,
});

let step = 0;
if (existsSync(checkpoint)) {
  const saved = JSON.parse(readFileSync(checkpoint, 'utf8'));
  loader.loadStateDict(saved.loader);
  step = saved.step;
}

// No process saves before all have loaded.
process.send('loaded');
await next();
for (;;) {
  for await (const { inputIds, labels } of loader) {
    // Here a model would take its step. The tokens go to the main process, which joins and compares them.
    const [count, length] = inputIds.shape;
    const pairs = Array.from(inputIds.data, (token, k) => `${token}:${labels.data[k]}`);
    const sequences = Array.from({ length: count }, (_, k) => pairs.slice(k * length, (k + 1) * length));
    if (dataParallel.rank + contextParallel.rank === 0) {
      writeFileSync(`${checkpoint}.new`, JSON.stringify({ step: step + 1, loader: loader.stateDict() }));
      renameSync(`${checkpoint}.new`, checkpoint);
    }
    process.send({ step, data: dataParallel.rank, context: contextParallel.rank, sequences });
    step += 1;
    await next();
  }
}

function next() {
  return new Promise((resolve) => process.once('message', resolve));
}
