// One process of the run. It reads its rank from the launcher's environment, as under torchrun or Slurm.
import { DataLoader, MapDataset } from 'millrace';
import { detectRank } from 'millrace/distributed';
import { CsvDataset } from 'millrace/formats';
import { joinGroup } from './all-reduce.js';
import { summedGradient, zeroWeights } from './softmax-regression.js';

const inputs = 64;
const classes = 10;
const globalBatch = 64;
const epochs = 10;
const learningRate = 0.5;

const { rank, worldSize } = detectRank();
const group = await joinGroup({ rank, worldSize, port: Number(process.env.MASTER_PORT) });

const pixels = Array.from({ length: inputs }, (_, i) => `pixel${i}`);
const rows = await CsvDataset.open(new URL('../data/digits.csv.gz', import.meta.url), {
  header: [...pixels, 'label'],
});
const digits = new MapDataset(rows, (row) => ({
  image: Float32Array.from(pixels, (name) => row[name] / 16),
  label: row.label,
}));

// Batch size and order are global, so a different number of processes sees the same global batches.
const loader = new DataLoader(digits, { batchSize: globalBatch, shuffle: true, seed: 1, rank, worldSize });

const weights = zeroWeights(inputs, classes);
const losses = [];
let samples = 0;
for (let epoch = 0; epoch < epochs; epoch++) {
  let lossOfEpoch = 0;
  for await (const { image, label } of loader) {
    samples += label.data.length;
    const sums = await group.sum(summedGradient(weights, image, label, classes));
    const [loss, count] = sums.subarray(weights.length);
    for (let i = 0; i < weights.length; i++) weights[i] -= (learningRate / count) * sums[i];
    lossOfEpoch += loss;
  }
  losses.push(lossOfEpoch / digits.length);
}
group.leave();
await loader.close();
await digits.close();
process.send({ rank, samples, losses, weights: [...weights] });
process.disconnect();
