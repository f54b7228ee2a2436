// node overhead-tfjs.js <batch size> <seconds>: an empty pipeline through tfjs-data, which has no workers.
import * as tf from '@tensorflow/tfjs';
import { measureFor } from './report.js';

const [batchSize, seconds] = process.argv.slice(2).map(Number);
await tf.setBackend('cpu');
function* numbers() {
  for (let i = 0; ; i++) yield i % 1_000_000;
}
const iterator = await tf.data.generator(numbers).batch(batchSize).iterator();
await measureFor(
  seconds,
  { [Symbol.asyncIterator]: () => iterator },
  (batch) => {
    batch.dispose();
    return 1;
  },
  1,
);
process.exit();
