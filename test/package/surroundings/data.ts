// The environment of the snippets in docs/data.md: text in several formats, and a dataset in shards.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Dataset } from 'millrace';
import { convert } from 'millrace/convert';
import { ParquetDataset } from 'millrace/formats';

const texts = Array.from(
  { length: 200 },
  (_, i) => `Line ${i}: ${'grain goes in, flour comes out. '.repeat(1 + (i % 9))}`,
);
const lines = texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
mkdirSync('data');
writeFileSync('data/lines.jsonl', lines);
writeFileSync('data/lines.jsonl.gz', gzipSync(lines));
mkdirSync('docs');
for (const [i, text] of texts.slice(0, 5).entries()) writeFileSync(`docs/${i}.txt`, text);
writeFileSync(
  'scores.csv',
  `score,lang,text\n${texts.map((text, i) => `${i / 200},en,"${text}"\n`).join('')}`,
);
await convert('scores.csv', { to: 'parquet', output: 'scores' });
copyFileSync('scores/000000.parquet', 'data.parquet');

mkdirSync('reviews');
for (const split of ['train', 'validation'])
  writeFileSync(
    `reviews/${split}.csv`,
    `text,score\n${texts
      .slice(0, 8)
      .map((text, i) => `"${text}",${i}\n`)
      .join('')}`,
  );

export const dataset: Dataset<unknown> = await ParquetDataset.open('data.parquet');
