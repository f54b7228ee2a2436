// Trains a TensorFlow.js model on handwritten digits: node examples/digits-tfjs/main.js
//
// Two loaders over one dataset: one shuffles and augments in a worker and feeds model.fitDataset, the other counts
// mistakes.
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { DataLoader, randomSplit, workerFunction } from 'millrace';
import { tfDataset, toTf } from 'millrace/tfjs';
import { openDigits } from './digits.js';

const epochs = 15;

await tf.setBackend('wasm');
const digits = await openDigits();
const [training, held] = randomSplit(digits, [1497, 300], { seed: 1 });
console.log(`${training.length} digits to train on, ${held.length} held out.\n`);

const loader = new DataLoader(training, {
  batchSize: 50,
  shuffle: true,
  seed: 1,
  numWorkers: 1,
  transform: workerFunction(new URL('./digits.js', import.meta.url), { export: 'jitter' }),
});
const heldLoader = new DataLoader(held, { batchSize: 100 });

// The wasm backend trains dense layers; for convolutions, import your GPU's backend instead.
const seeded = tf.initializers.glorotUniform({ seed: 1 });
const model = tf.sequential({
  layers: [
    tf.layers.flatten({ inputShape: [8, 8, 1] }),
    tf.layers.dense({ units: 128, activation: 'relu', kernelInitializer: seeded }),
    tf.layers.dense({ units: 64, activation: 'relu', kernelInitializer: seeded }),
    tf.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: seeded }),
  ],
});
model.compile({ optimizer: tf.train.adam(0.003), loss: 'categoricalCrossentropy' });

// fitDataset takes inputs and targets, and frees both after each step.
const examples = tfDataset(tf, loader, ({ image, label }) => ({
  xs: image,
  ys: tf.oneHot(label.toInt(), 10),
}));

console.log('epoch    loss   correct of 300');
await model.fitDataset(examples, {
  epochs,
  verbose: 0,
  callbacks: {
    onEpochEnd: async (epoch, { loss }) => {
      const right = await countRight();
      console.log(`${String(epoch + 1).padStart(5)}  ${loss.toFixed(4)}  ${String(right).padStart(5)}`);
    },
  },
});

const right = await countRight();
const { waitMs, batches } = loader.stats();
console.log(`\n${((100 * right) / held.length).toFixed(1)} % correct.`);
console.log(
  `The model waited ${(waitMs / batches).toFixed(2)} ms per batch for data; ${tf.memory().numTensors} tensors are left.`,
);
await loader.close();

/** Counts the held-out digits that the model classifies correctly. */
async function countRight() {
  let right = 0;
  for await (const batch of heldLoader) {
    right += tf.tidy(() => {
      const { image, label } = toTf(tf, batch);
      return model.predict(image).argMax(-1).equal(label.toInt()).sum().dataSync()[0];
    });
  }
  return right;
}
