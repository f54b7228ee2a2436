// Fine-tunes a tiny GPT on conversations, in jax-js: node examples/sft/main.js [steps]
//
// Questions and answers come from the glossary. The loss counts the tokens of the answers alone.
import { fileURLToPath } from 'node:url';
import { DataLoader, padCollate } from 'millrace';
import { toJax } from 'millrace/jax';
import { chatDataset, loadTokenizer } from 'millrace/tokens';
import { adam, initialParameters, meanLoss } from '../gpt-jax/gpt.js';
import { readConversations } from './conversations.js';

// jax-js reads navigator when it compiles kernels; Node.js 20 has none.
if (!('navigator' in globalThis)) globalThis.navigator = { userAgent: 'Node' };
const jax = await import('@jax-js/jax');

const steps = Number(process.argv[2] ?? 120);
const batchSize = 8;
const maxLength = 64;
const learningRate = 0.005;

const tokenizer = await loadTokenizer(fileURLToPath(new URL('tokenizer', import.meta.url)));
const dataset = await chatDataset(readConversations(), {
  tokenizer,
  maxLength,
  truncate: 'drop',
  shift: true,
  lossWeights: 'token',
});
const { tokens, trained } = await dataset.count();
console.log(
  `${dataset.length} conversations (${dataset.leftOut} longer ones left out), ${tokens} tokens, ${trained} of them trained on.`,
);
// One length for all batches, because jax-js compiles once per length.
const loader = new DataLoader(dataset, {
  batchSize,
  shuffle: true,
  dropLast: true,
  collate: padCollate({ padValue: dataset.padValues, multipleOf: maxLength }),
});

await jax.init('wasm');
jax.defaultDevice('wasm');
const { numpy, tree } = jax;
const size = { vocabulary: 512, length: maxLength, width: 32 };
const parameters = initialParameters(jax, size, 1);
const zeros = () => tree.map((array) => numpy.zeros(array.shape), parameters);
let state = { parameters, first: zeros(), second: zeros() };

const train = jax.jit((current, batch) => {
  const lossOf = (candidate) => meanLoss(jax, batchSize, candidate, batch);
  const [loss, gradients] = jax.valueAndGrad(lossOf)(tree.ref(current.parameters));
  return { loss, next: adam(jax, current, gradients, learningRate) };
});

const losses = [];
const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
console.log('\n step   loss of the answers');
while (losses.length < steps) {
  for await (const batch of loader) {
    const { inputIds, labels, lossWeights } = toJax(numpy, batch);
    const { loss, next } = train(state, {
      input: inputIds.reshape([-1]),
      target: labels.reshape([-1]),
      weight: lossWeights.reshape([-1]),
    });
    state = next;
    losses.push((await loss.data())[0]);
    if (losses.length % 20 === 0)
      console.log(`${String(losses.length).padStart(5)}   ${mean(losses.slice(-20)).toFixed(3)}`);
    if (losses.length === steps) break;
  }
}
tree.dispose(state);
await loader.close();
console.log(`\nLoss ${losses[0].toFixed(2)} at the start, ${losses.at(-1).toFixed(2)} at the end.`);
