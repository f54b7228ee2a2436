// A tiny GPT over characters, trained in jax-js under a curriculum: node examples/gpt-jax/main.js
//
// Training starts with short sequences and admits longer ones step by step. The samples of step t are computed, so
// the plan can be printed before training, and a stopped run continues exactly where it was.
import { ArrayDataset, DataLoader, padCollate } from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { toJax } from 'millrace/jax';
import { adam, initialParameters, meanLoss } from './gpt.js';
import { maxLength, readSequences } from './text.js';

// jax-js reads navigator when it compiles kernels; Node.js 20 has none.
if (!('navigator' in globalThis)) globalThis.navigator = { userAgent: 'Node' };
const jax = await import('@jax-js/jax');

const steps = 300;
const batchSize = 16;
const learningRate = 0.005;

const { characters, sequences } = readSequences();
// Each character is predicted from those before it.
const samples = sequences.map((tokens) => ({
  input: tokens.subarray(0, -1),
  target: tokens.subarray(1),
  weight: new Float32Array(tokens.length - 1).fill(1),
}));

const sampler = new CurriculumSampler(samples.length, {
  batchSize,
  stepsPerEpoch: steps,
  seed: 1,
  metrics: {
    length: {
      index: sequences.map(({ length }) => length),
      minDifficulty: 16,
      maxDifficulty: maxLength,
      schedule: { type: 'linear', totalSteps: 200, difficultyStep: 8 },
    },
  },
});
// Lengths are rounded up, because jax-js compiles once per length.
const loader = new DataLoader(new ArrayDataset(samples), {
  batchSize,
  sampler,
  collate: padCollate({ multipleOf: 16 }),
});

console.log(
  `${sequences.length} sequences over an alphabet of ${characters.length} characters. Maximum admitted length:`,
);
for (const step of [0, 50, 100, 150, 200])
  console.log(`  from step ${String(step).padStart(3)}: ${sampler.difficultiesAt(0, step).length}`);

await jax.init('wasm');
jax.defaultDevice('wasm');
const { numpy, tree } = jax;
const size = { vocabulary: characters.length, length: maxLength, width: 32 };
const parameters = initialParameters(jax, size, 1);
const zeros = () => tree.map((array) => numpy.zeros(array.shape), parameters);
let state = { parameters, first: zeros(), second: zeros() };

const train = jax.jit((current, batch) => {
  const lossOf = (candidate) => meanLoss(jax, batchSize, candidate, batch);
  const [loss, gradients] = jax.valueAndGrad(lossOf)(tree.ref(current.parameters));
  return { loss, next: adam(jax, current, gradients, learningRate) };
});

console.log('\n step  padded to   loss');
const losses = [];
for await (const batch of loader) {
  const { input, target, weight } = toJax(numpy, batch);
  const flat = { input: input.reshape([-1]), target: target.reshape([-1]), weight: weight.reshape([-1]) };
  const { loss, next } = train(state, flat);
  state = next;
  losses.push((await loss.data())[0]);
  if (losses.length % 30 === 0) {
    const recent = losses.slice(-30).reduce((sum, one) => sum + one, 0) / 30;
    console.log(
      `${String(losses.length).padStart(5)}  ${String(batch.input.shape[1]).padStart(9)}  ${recent.toFixed(3)}`,
    );
  }
}
tree.dispose(state);
await loader.close();
console.log(
  `\nLoss ${losses[0].toFixed(2)} at the start (chance is ${Math.log(characters.length).toFixed(2)}), ${losses.at(-1).toFixed(2)} at the end.`,
);
