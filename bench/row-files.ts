// Rows with the same content as JSON Lines and as Parquet.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { parquetWriteFile } from 'hyparquet-writer';
import { benchFolder } from './measure.js';

const rows = 400_000;
const rowGroupSize = 50_000;

/** Paths of the files; creates them if they do not exist. */
export async function rowFiles(): Promise<{ readonly jsonl: string; readonly parquet: string }> {
  const jsonl = `${benchFolder()}/rows.jsonl`;
  const parquet = `${benchFolder()}/rows.parquet`;
  const all = Array.from({ length: rows }, (_, id) => ({
    id,
    score: id / 7,
    flag: id % 3 === 0,
    text: `row ${id}: ${'the quick brown fox jumps over the lazy dog '.repeat(id % 5)}`,
  }));
  if (!existsSync(jsonl)) {
    writeFileSync(`${jsonl}.partial`, `${all.map((row) => JSON.stringify(row)).join('\n')}\n`);
    renameSync(`${jsonl}.partial`, jsonl);
  }
  if (!existsSync(parquet)) {
    await parquetWriteFile({
      filename: `${parquet}.partial`,
      rowGroupSize,
      columnData: [
        { name: 'id', data: Int32Array.from(all, ({ id }) => id) },
        { name: 'score', data: Float64Array.from(all, ({ score }) => score) },
        { name: 'flag', data: all.map(({ flag }) => flag) },
        { name: 'text', data: all.map(({ text }) => text) },
      ],
    });
    renameSync(`${parquet}.partial`, parquet);
  }
  return { jsonl, parquet };
}
