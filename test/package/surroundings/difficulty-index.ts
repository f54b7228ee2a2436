// The environment of the snippets in docs/difficulty-index.md: the difficulty of a corpus.
import { ArrayDataset, tensor } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';

const samples = Array.from({ length: 300 }, (_, i) => tensor(new Int32Array(8 + ((i * 37) % 600))));
await analyzeDifficulty(new ArrayDataset(samples), { outputDir: 'difficulty', metrics: ['seqlen'] });
