// train.ts
import { defaultDevice, init, jit, numpy as np, valueAndGrad } from '@jax-js/jax';
import { DataLoader, TensorDataset, tensor } from 'millrace';
import { toJax } from 'millrace/jax';
import { NumpyGenerator } from 'millrace/random';

const inputs = Float32Array.from(
  new NumpyGenerator(1).random(1536),
  (value) => 2 * value - 1,
);
const outputs = Float32Array.from(
  { length: 512 },
  (_, i) => 2 * inputs[3 * i]! - inputs[3 * i + 1]! + 0.5 * inputs[3 * i + 2]!,
);
const dataset = new TensorDataset({
  x: tensor(inputs, [512, 3]),
  y: tensor(outputs),
});
const loader = new DataLoader(dataset, {
  batchSize: 64,
  shuffle: true,
  dropLast: true,
});

await init('wasm'); // 'webgpu' in a browser that has it
defaultDevice('wasm');

type Arrays = np.Array;
const loss = (weights: Arrays, x: Arrays, y: Arrays) =>
  np.square(np.dot(x, weights).sub(y)).mean();
const step = jit((weights: Arrays, x: Arrays, y: Arrays) => {
  const [value, gradient] = valueAndGrad(loss)(weights.ref, x, y);
  return [value, weights.sub(gradient.mul(0.5))];
});

let weights: Arrays = np.zeros([3]);
for (let epoch = 0; epoch < 10; epoch++) {
  for await (const batch of loader) {
    const { x, y } = toJax(np, batch);
    const [value, next] = step(weights, x, y) as [Arrays, Arrays];
    value.dispose(); // the loss; read it with await value.jsAsync()
    weights = next;
  }
}
const found = (await weights.jsAsync()) as number[];
console.log(found.map((weight) => weight.toFixed(2)).join(', '));
await loader.close();
