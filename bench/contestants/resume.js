// node resume.js <tokens> <windows> <shuffle|curriculum>: from the state of a loader in the middle of an epoch to its next batch of 32.
import { CurriculumSampler, DataLoader, TokenWindows } from 'millrace';
import { IndexedDataset } from 'millrace/formats';
import { print } from './report.js';

const [file, count, order] = process.argv.slice(2);
const samples = Number(count);
const batchSize = 32;
const schedule_config = { total_curriculum_step: 400, difficulty_step: 1 };
const schedule = { min_difficulty: 1, max_difficulty: 100, schedule_type: 'fixed_linear', schedule_config };
const index = order === 'curriculum' && Int32Array.from({ length: samples }, (_, i) => i % 2048);
const metrics = { position: { index, difficulty_type: 'percentile', ...schedule } };

/** The dataset and the order are open, as they are by then; the loader is new. */
function open() {
  const source = IndexedDataset.openSync(file);
  const stride = Math.floor((source.tokenCount - 257) / (samples - 1));
  const dataset = new TokenWindows(source, { length: 256, stride });
  const sampler = index && new CurriculumSampler(dataset, { batchSize, metrics });
  return {
    dataset,
    options: { batchSize, reuseBuffers: true, ...(sampler ? { sampler } : { shuffle: true }) },
  };
}

const saved = open();
const loaderThen = new DataLoader(saved.dataset, saved.options);
// What a process does once, whatever it loads (modules, kernels), is W5's: this is the state's share.
for await (const _ of loaderThen) break;
loaderThen.seek({ epoch: 3, batch: Math.floor(samples / batchSize / 2) });
const state = JSON.stringify(loaderThen.stateDict());
const { dataset, options } = open();
const before = process.cpuUsage();
const started = performance.now();
const loader = new DataLoader(dataset, options);
loader.loadStateDict(JSON.parse(state));
for await (const _ of loader) break;
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
print(1, seconds, (user + system) / 1e6);
