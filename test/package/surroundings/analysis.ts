// The environment of the snippets in docs/analysis.md: a corpus.
import { IndexedDatasetBuilder } from 'millrace/formats';

const builder = new IndexedDatasetBuilder('corpus', { dtype: 'uint16' });
for (let document = 0; document < 300; document++) {
  builder.addItem(
    Uint16Array.from({ length: 30 + ((document * 37) % 2_100) }, (_, i) => (document + i * i) % 5_003),
  );
  builder.endDocument();
}
builder.finalize();
