// train.ts
import { DataLoader } from 'millrace';
import type waves from './waves.ts';

type Wave = Awaited<ReturnType<typeof waves.get>>;

const loader = new DataLoader<Wave>(new URL('./waves.ts', import.meta.url), {
  batchSize: 32,
  shuffle: true,
  numWorkers: 2,
});
await loader.ready(); // imports the module; iterating does it by itself
console.log(`${loader.length} batches`);

for await (const { signal, frequency } of loader) {
  console.log(`signal ${signal.shape.join(' × ')}, frequency ${frequency.shape}`);
  break;
}
await loader.close();
