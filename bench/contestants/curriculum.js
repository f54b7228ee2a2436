// node curriculum.js <samples> <index> <ready|growing|grown>: global batches of 512 under a curriculum of 100
// difficulty steps: opening and the first batch, 400 batches during which all clusters are admitted, and later ones.
import { CurriculumSampler, DifficultyIndex } from 'millrace/curriculum';

const [samples, indexToSamplePath, phase] = process.argv.slice(2);
const batchSize = 512;
const growing = 400;
const peak = () => process.resourceUsage().maxRSS / 1_024;

function open(path, length) {
  const index = DifficultyIndex.openSync({ indexToSamplePath: path });
  const schedule = { type: 'linear', totalSteps: growing, difficultyStep: 1 };
  const metric = { minDifficulty: 1, maxDifficulty: 100, schedule };
  return new CurriculumSampler(length, {
    batchSize,
    stepsPerEpoch: 4_000,
    metrics: { rank: { index, difficultyType: 'percentile', ...metric } },
  });
}

function take(batches, count) {
  for (let k = 0; k < count; k++) batches.take(batchSize);
}

const memory = peak();
let amount = 1;
let started = performance.now();
let before = process.cpuUsage();
const sampler = open(indexToSamplePath, Number(samples));
const batches = sampler[Symbol.iterator]();
take(batches, 1);
if (phase !== 'ready') {
  amount = phase === 'growing' ? growing : 1_000;
  take(batches, phase === 'growing' ? 0 : growing);
  if (phase === 'grown') {
    started = performance.now();
    before = process.cpuUsage();
  }
  take(batches, amount);
}
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ amount, seconds, cpuSeconds: (user + system) / 1e6, peakMiB: peak() - memory }));
