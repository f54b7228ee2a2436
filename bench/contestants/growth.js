// node growth.js <what> <size>: what a part of the work costs when it grows to a size.
//   order       samples: an index of a shuffled order, in mid-epoch
//   resume      samples: from a state in mid-epoch to the next batch of 32 indices
//   ranks       ranks: the share of one rank of a global batch of 512
//   sources     sources: a sample of a mixture, in mid-epoch
//   epochs      epochs: an epoch of 100 batches; what matters is the peak of memory
//   amendments  amendments: from the state of an amended run to the next batch of 32 indices. Adds the bytes of the state
import { ArrayDataset, DataLoader, MixtureDataset } from 'millrace';

const [what, given] = process.argv.slice(2);
const size = Number(given);
const samples = (length) => ({ length, get: (index) => index });
const loaderOf = (dataset, options = {}) => new DataLoader(dataset, { batchSize: 32, seed: 1, ...options });
const sourcesOf = (count) =>
  new MixtureDataset(
    Array.from({ length: count }, (_, k) => samples(1_000_000 + k)),
    { weights: Array.from({ length: count }, (_, k) => 1 + (k % 7)), batchSize: 32, seed: 1 },
  );

/** The next steps of a loader from the middle of epoch 3. @returns how many indices there were */
function steps(loader, count) {
  let indices = 0;
  const step = Math.floor(loader.length / 2);
  const order = loader.order({ epoch: 3, step });
  for (let k = 0; k < count; k++) indices += order.next().value.indices.length;
  return indices;
}

function resume(make) {
  const before = make();
  before.seek({ epoch: 3, step: Math.floor(before.length / 2) });
  const state = JSON.stringify(before.stateDict());
  return () => {
    const loader = make();
    const loaded = JSON.parse(state);
    loader.loadStateDict(loaded);
    loader.order({ epoch: loaded.epoch, step: loaded.step }).next();
    return 1;
  };
}

let stateBytes;
const work = {
  order: () => () => steps(loaderOf(samples(size), { batchSize: 512, shuffle: true }), 200),
  resume: () => {
    const dataset = samples(size);
    return resume(() => loaderOf(dataset, { shuffle: true }));
  },
  ranks: () => {
    const options = { batchSize: 512, shuffle: true, worldSize: size, rank: size - 1 };
    return () => steps(loaderOf(samples(1e8), options), 200) && 200;
  },
  sources: () => {
    const dataset = sourcesOf(size);
    return () => steps(loaderOf(dataset, { batchSize: 512 }), 40);
  },
  epochs: () => async () => {
    const loader = loaderOf(new ArrayDataset(Array.from({ length: 3_200 }, (_, k) => ({ k }))), {
      shuffle: true,
    });
    for (let epoch = 0; epoch < size; epoch++) for await (const _ of loader);
    return size;
  },
  amendments: async () => {
    const dataset = sourcesOf(4);
    const amended = async () => {
      const loader = loaderOf(dataset);
      await loader.ready();
      return loader;
    };
    const first = await amended();
    for (let k = 1; k <= size; k++) await first.amend({ at: 3 * k, weights: [1, 2, 3, 1 + (k % 9)] });
    first.seek({ epoch: 0, step: 3 * size + 1 });
    const state = JSON.stringify(first.stateDict());
    stateBytes = state.length;
    return async () => {
      const loader = await amended();
      const loaded = JSON.parse(state);
      loader.loadStateDict(loaded);
      await loader.ready();
      loader.order({ epoch: loaded.epoch, step: loaded.step }).next();
      return 1;
    };
  },
};

const run = await work[what]();
// The code is warm, as later in a run. The memory of an epoch is measured from the start.
if (what !== 'epochs') for (let k = 0; k < 20; k++) await run();
const before = process.cpuUsage();
const started = performance.now();
const amount = await run();
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
const peakMiB = process.resourceUsage().maxRSS / 1_024;
console.log(JSON.stringify({ amount, seconds, cpuSeconds: (user + system) / 1e6, peakMiB, stateBytes }));
