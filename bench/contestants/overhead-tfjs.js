// node overhead-tfjs.js <batch size> <seconds>: an empty pipeline through tfjs-data, which has no workers.
import * as tf from '@tensorflow/tfjs';
import { measureFor } from './report.js';

const [batchSize, seconds] = process.argv.slice(2).map(Number);
await tf.setBackend('cpu');
function* numbers() {
  for (let i = 0; ; i++) yield i % 1_000_000;
}
async function* batches() {
  const dataset = tf.data.generator(numbers).batch(batchSize);
  const iterator = await dataset.iterator();
  for (;;) {
    const { value } = await iterator.next();
    value.dispose();
    yield 1;
  }
}
await measureFor(seconds, batches(), 1);
process.exit();
