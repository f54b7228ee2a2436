// read.ts
import { writeFileSync } from 'node:fs';
import { DataLoader, workerDataset } from 'millrace';

writeFileSync('words.txt', 'mill\nrace\nwheel\nweir\n');
const lines = workerDataset<string>(new URL('./lines.ts', import.meta.url), {
  options: { file: 'words.txt' },
});
for await (const batch of new DataLoader(lines, { batchSize: 3, numWorkers: 1 }))
  console.log(batch);
