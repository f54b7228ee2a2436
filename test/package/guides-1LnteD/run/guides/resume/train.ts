// train.ts
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { ArrayDataset, DataLoader } from 'millrace';

const dataset = new ArrayDataset(Array.from({ length: 20 }, (_, i) => i));
const loader = new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 5 });

if (existsSync('checkpoint.json')) {
  const { loaderState } = JSON.parse(readFileSync('checkpoint.json', 'utf8'));
  loader.loadStateDict(loaderState);
}

const stopAfter = Number(process.argv[2] ?? Infinity);
let step = 0;
for await (const { data } of loader) {
  console.log(`epoch ${loader.epoch}: ${data}`);
  // … train, then write both at once:
  writeFileSync(
    'checkpoint.tmp',
    JSON.stringify({ weights: [], loaderState: loader.stateDict() }),
  );
  renameSync('checkpoint.tmp', 'checkpoint.json');
  if (++step === stopAfter) process.exit(); // a crash
}
