import { existsSync } from 'node:fs';
import { IndexedDatasetBuilder } from 'millrace/formats';
import { benchFolder } from './measure.js';

/** Difficulties, each of as many samples. */
const rows = 100;

/** Makes the index of `samples` samples by difficulty as DeepSpeed's analyzer writes it, once. @returns its path without ending */
export function difficultyFile(samples: number): string {
  const prefix = `${benchFolder()}/difficulty-${samples}`;
  if (existsSync(`${prefix}.idx`)) return prefix;
  process.stderr.write(`Writing the index of ${samples} samples, once …\n`);
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'int32' });
  const row = new Int32Array(samples / rows);
  for (let k = 0; k < rows; k++) {
    // Neighbors in the order of difficulty lie far apart among the samples.
    for (let i = 0; i < row.length; i++) row[i] = ((k * row.length + i) * 48_271) % samples;
    builder.addItem(row);
  }
  builder.finalize();
  return prefix;
}
