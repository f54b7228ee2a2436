import { existsSync } from 'node:fs';
import { IndexedDatasetBuilder } from 'millrace/formats';
import { benchFolder } from './measure.js';

const tokens = 1e9;
const itemTokens = 1e6;

/** Creates a file of 10^9 uint16 tokens (2 GB), unless it exists. @returns Its path without extension */
export function tokenFile(): string {
  const prefix = `${benchFolder()}/tokens`;
  if (existsSync(`${prefix}.idx`)) return prefix;
  process.stderr.write('Writing 2 GB of tokens, once …\n');
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint16' });
  const item = new Uint16Array(itemTokens);
  let state = 1;
  for (let done = 0; done < tokens; done += itemTokens) {
    for (let i = 0; i < itemTokens; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      item[i] = state >>> 16;
    }
    builder.addItem(item);
  }
  builder.finalize();
  return prefix;
}
