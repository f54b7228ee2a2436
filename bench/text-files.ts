// Texts in Parquet files, made from the documents of this repository.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parquetWriteFile } from 'hyparquet-writer';
import { benchFolder } from './measure.js';

const files = 4;
const textsPerFile = 5_000;
/** As Hugging Face `datasets` writes them. */
const rowGroupSize = 1_000;
const mostParagraphs = 12;

/** Folder of the Parquet files, Snappy, with a column `text`; creates them if they do not exist. */
export async function textFolder(): Promise<string> {
  const folder = `${benchFolder()}/texts`;
  if (existsSync(folder)) return folder;
  const paragraphs = documentParagraphs();
  let state = 1;
  const below = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  mkdirSync(`${folder}.partial`, { recursive: true });
  for (let file = 0; file < files; file++) {
    const data = Array.from({ length: textsPerFile }, (_, k) => {
      const count = 1 + below(mostParagraphs);
      const parts = Array.from({ length: count }, () => paragraphs[below(paragraphs.length)]!);
      return `${file * textsPerFile + k}. ${parts.join('\n\n')}`;
    });
    await parquetWriteFile({
      filename: `${folder}.partial/${file}.parquet`,
      rowGroupSize,
      columnData: [{ name: 'text', data }],
    });
  }
  renameSync(`${folder}.partial`, folder);
  return folder;
}

function documentParagraphs(): string[] {
  const docs = fileURLToPath(new URL('../docs', import.meta.url));
  return readdirSync(docs, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .flatMap((page) => readFileSync(`${docs}/${page}`, 'utf8').split('\n\n'))
    .filter((paragraph) => paragraph.length > 40);
}
