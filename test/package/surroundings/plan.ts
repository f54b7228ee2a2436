// The environment of the snippets in docs/plan.md: tokens.
import { mkdirSync } from 'node:fs';
import { IndexedDatasetBuilder } from 'millrace/formats';

mkdirSync('data');
const builder = new IndexedDatasetBuilder('data/tokens', { dtype: 'uint16' });
for (let document = 0; document < 40; document++) {
  builder.addItem(Uint16Array.from({ length: 5_000 }, (_, i) => (document * 31 + i) % 5_003));
  builder.endDocument();
}
builder.finalize();
