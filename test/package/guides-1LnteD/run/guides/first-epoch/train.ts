// train.ts
import { DataLoader, TensorDataset, tensor } from 'millrace';

const pixels = Float32Array.from({ length: 6000 }, (_, i) => i / 6000);
const labels = Int32Array.from({ length: 1000 }, (_, i) => i % 3);
const dataset = new TensorDataset({
  x: tensor(pixels, [1000, 6]),
  y: tensor(labels),
});

const loader = new DataLoader(dataset, { batchSize: 300, shuffle: true, seed: 7 });
console.log(`${dataset.length} samples, ${loader.length} batches an epoch`);

for await (const { x, y } of loader) {
  console.log(
    `x: ${x.dtype} ${x.shape.join(' × ')}, y: ${y.dtype} ${y.shape.join(' × ')}`,
  );
}
for (let epoch = 1; epoch < 3; epoch++) {
  for await (const { y } of loader) {
    console.log(`epoch ${epoch} begins with the labels ${y.data.slice(0, 6)}`);
    break; // what is left of the epoch is skipped
  }
}
import { ArrayDataset, padCollate } from 'millrace';

const words = new ArrayDataset([
  { text: 'a mill', ids: Int32Array.of(4, 9), score: 0.5 },
  { text: 'a mill race', ids: Int32Array.of(4, 9, 2), score: 0.25 },
]);
for await (const batch of new DataLoader(words, {
  batchSize: 2,
  collate: padCollate({ padValue: 0 }),
})) {
  console.log(batch);
}
const { batches, samples, waitMs, waitShare } = loader.stats();
console.log(`${batches} batches with ${samples} samples so far`);
console.error(
  `waited ${waitMs.toFixed(1)} ms for them, ${Math.round(100 * waitShare)} % of the time`,
);
await loader.close();
