// node randperm.js <elements> <torch|swaps>: torch's permutation, or swaps with partners that cost next to nothing,
// the lower bound of a shuffle. Memory excludes that of an empty process.
import { TorchGenerator } from 'millrace/random';

const [count, kind] = process.argv.slice(2);
const n = Number(count);
const work = kind === 'torch' ? (size) => new TorchGenerator(42).randperm(size) : swapAtRandom;
for (let k = 0; k < 20; k++) work(10_000);
const peak = () => process.resourceUsage().maxRSS / 1_024;
const memory = peak();
const before = process.cpuUsage();
const started = performance.now();
work(n);
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
console.log(
  JSON.stringify({ amount: n, seconds, cpuSeconds: (user + system) / 1e6, peakMiB: peak() - memory }),
);

function swapAtRandom(size) {
  const all = new Int32Array(size);
  for (let i = 0; i < size; i++) all[i] = i;
  let word = 1;
  for (let i = 0; i < size - 1; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    const j = i + (word % (size - i));
    const kept = all[i];
    all[i] = all[j];
    all[j] = kept;
  }
  return all;
}
