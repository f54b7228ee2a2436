// node overhead-limit.js <batch size> <seconds>: the limit of JavaScript. A bare asynchronous iterator, whose batches are
// arrays of numbers that it makes at once.
import { measureFor } from './report.js';

const [batchSize, seconds] = process.argv.slice(2).map(Number);
const items = Array.from({ length: 1_000_000 }, (_, i) => i);
const batches = {
  [Symbol.asyncIterator]() {
    let at = 0;
    return {
      next() {
        if (at === items.length) return Promise.resolve({ done: true, value: undefined });
        const data = new Float32Array(Math.min(batchSize, items.length - at));
        for (let i = 0; i < data.length; i++) data[i] = items[at++];
        return Promise.resolve({ done: false, value: { dtype: 'float32', shape: [data.length], data } });
      },
    };
  },
};
await measureFor(seconds, batches, () => 1, 1);
