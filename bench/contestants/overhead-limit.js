// node overhead-limit.js <seconds>: the limit of JavaScript. A bare asynchronous iterator whose batch is always ready.
import { measureFor } from './report.js';

const seconds = Number(process.argv[2]);
const batch = Object.freeze({ data: new Float32Array(1) });
const ready = {
  [Symbol.asyncIterator]() {
    let left = 1_000_000;
    return {
      next: () => Promise.resolve(left-- > 0 ? { done: false, value: batch } : { done: true, value: undefined }),
    };
  },
};
await measureFor(seconds, ready, () => 1, 1);
