// node resume.js <tokens> <windows> <shuffle|curriculum> <state|batch>: time from a loader state in mid-epoch to the
// indices of its next batch of 32, or to that batch. The tokens come from a file, or are created in memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DataLoader, tensor } from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { IndexedDataset } from 'millrace/formats';
import { TokenWindows } from 'millrace/tokens';
import { print } from './report.js';

const [tokens, count, order, until] = process.argv.slice(2);
const samples = Number(count);
const length = 256;
const batchSize = 32;
const schedule = { type: 'linear', totalSteps: 400, difficultyStep: 1 };
const range = { minDifficulty: 1, maxDifficulty: 100 };
const index = order === 'curriculum' && Int32Array.from({ length: samples }, (_, i) => i % 2048);
const metrics = { position: { index, difficultyType: 'percentile', ...range, schedule } };

/** Dataset and order are already open when a state is loaded; the loader is new. */
function open() {
  const inMemory = tokens === 'memory';
  const source = inMemory
    ? tensor(new Uint16Array(samples + length).map((_, i) => i * 7))
    : IndexedDataset.openSync(tokens);
  const stride = inMemory ? 1 : Math.floor((source.tokenCount - length - 1) / (samples - 1));
  const dataset = new TokenWindows(source, { length, stride });
  const sampler = index && new CurriculumSampler(dataset, { batchSize, metrics });
  return {
    dataset,
    options: { batchSize, reuseBuffers: true, ...(sampler ? { sampler } : { shuffle: true }) },
  };
}

const saved = open();
const loaderThen = new DataLoader(saved.dataset, saved.options);
// One-time costs of a process (modules, kernels) belong to W5; here only the state is measured.
for await (const _ of loaderThen) break;
loaderThen.seek({ epoch: 3, step: Math.floor(samples / batchSize / 2) });
const state = JSON.stringify(loaderThen.stateDict());
const { dataset, options } = open();
// So does the garbage of the first loader: without this, its collection runs in half of the measurements.
setFlagsFromString('--expose-gc');
runInNewContext('gc')();
const before = process.cpuUsage();
const started = performance.now();
const loader = new DataLoader(dataset, options);
const loaded = JSON.parse(state);
loader.loadStateDict(loaded);
if (until === 'state') loader.order({ epoch: loaded.epoch, step: loaded.step }).next();
else for await (const _ of loader) break;
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
print(1, seconds, (user + system) / 1e6);
