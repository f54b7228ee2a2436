import { existsSync } from 'node:fs';
import { IndexedDatasetBuilder } from 'millrace/formats';
import { benchFolder } from './measure.js';

/** Difficulties, each with the same number of samples. */
const rows = 100;

/**
 * Writes the difficulty index of `samples` samples as DeepSpeed's analyzer does, unless it exists. @returns Its path
 * without extension
 */
export function difficultyFile(samples: number): string {
  const prefix = `${benchFolder()}/difficulty-${samples}`;
  if (existsSync(`${prefix}.idx`)) return prefix;
  process.stderr.write(`Writing the index of ${samples} samples, once …\n`);
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'int32' });
  const row = new Int32Array(samples / rows);
  for (let k = 0; k < rows; k++) {
    // Neighbors in order of difficulty are far apart in the dataset.
    for (let i = 0; i < row.length; i++) row[i] = ((k * row.length + i) * 48_271) % samples;
    builder.addItem(row);
  }
  builder.finalize();
  return prefix;
}
