// Rows per second of JSON Lines and Parquet through a loader, compared with the parser alone.
import { atLeast, compare, nodeCommand, type Report, resultOf } from './measure.js';
import { rowFiles } from './row-files.js';

export const title = 'Rows: JSON Lines and Parquet against the bare parser';
export const unit = 'rows/s';

export default async function run(): Promise<Report> {
  const { jsonl, parquet } = await rowFiles();
  const results = compare(
    [
      { name: 'JSON Lines: JSON.parse alone', command: nodeCommand('rows.js', 'bare-jsonl', jsonl) },
      { name: 'JSON Lines: Millrace', command: nodeCommand('rows.js', 'jsonl', jsonl) },
      { name: 'Parquet: hyparquet alone', command: nodeCommand('rows.js', 'bare-parquet', parquet) },
      { name: 'Parquet: Millrace', command: nodeCommand('rows.js', 'parquet', parquet) },
    ],
    'rate',
  );
  const share = (name: string, bare: string): number =>
    resultOf(results, name).value / resultOf(results, bare).value;
  return {
    results,
    goals: [
      atLeast(
        'JSON Lines, of JSON.parse alone',
        share('JSON Lines: Millrace', 'JSON Lines: JSON.parse alone'),
        0.8,
      ),
      atLeast('Parquet, of hyparquet alone', share('Parquet: Millrace', 'Parquet: hyparquet alone'), 0.8),
    ],
  };
}
