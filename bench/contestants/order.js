// node order.js <n> <first|rank|indices|exact>: a shuffled order of n samples: its first index, an epoch of rank 3 of
// 64, a million consecutive indices, and the rank's epoch in PyTorch's own order.
import { DistributedSampler, RandomSampler } from 'millrace';
import { IndexPermutation, TorchGenerator } from 'millrace/random';

const [samples, kind] = process.argv.slice(2);
const n = Number(samples);
const ranks = (options = {}) => new DistributedSampler(n, { worldSize: 64, rank: 3, ...options });

const work = {
  first: () => [new RandomSampler(n, { seed: 1 })[Symbol.iterator]().next().value, 1],
  rank: () => consumed(ranks({ seed: 1 })),
  exact: () => consumed(ranks({ generator: new TorchGenerator(1) })),
  indices: () => {
    const out = n < 2 ** 31 ? new Int32Array(1e6) : new Float64Array(1e6);
    new IndexPermutation(n, 1).fill(out, Math.floor(n / 3));
    return [out[5], out.length];
  },
};
// Warm up the code, as in a second epoch; create a new order.
if (kind !== 'exact') for (let k = 0; k < 3; k++) work[kind]();
const memory = process.resourceUsage().maxRSS / 1_024;
const before = process.cpuUsage();
const started = performance.now();
const [, amount] = work[kind]();
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
const peakMiB = process.resourceUsage().maxRSS / 1_024 - memory;
console.log(
  JSON.stringify({
    amount: kind === 'indices' ? amount : 1,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMiB,
  }),
);

function consumed(sampler) {
  const indices = sampler[Symbol.iterator]();
  let sum = 0;
  for (let left = sampler.length; left > 0; ) {
    const taken = indices.take(Math.min(4_096, left));
    for (const index of taken) sum += index;
    left -= taken.length;
  }
  return [sum, 1];
}
