import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Parts of the paths of files that take seconds, the slowest first. */
const slow = [
  'examples/curriculum-gpt/main-job',
  'package/consumer-types',
  'package/guides',
  'package/browser',
  'package/site',
  'web/live/',
  'browser/storage',
  'analysis/cluster.',
  'convert/kill',
  'fuzz/',
  'package/',
  'browser/',
  'monitor/dashboard/',
  'examples/',
  'cli/',
  'loader/worker-death',
  'tokens/token-windows-batches',
  'parity/analyzer',
  'formats/arrays',
  'formats/tables',
];

/** Starts slow files first, so that no process works alone at the end. A fresh clone has no times of an earlier run to go by. */
export default class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = slow.findIndex((part) => moduleId.includes(`/test/${part}`));
      return found < 0 ? slow.length : found;
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
