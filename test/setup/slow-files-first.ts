import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Parts of the paths of files that take seconds, the slowest first. */
const slow = [
  'package/guides',
  'analysis/cluster.',
  'package/docs',
  'package/consumer-types',
  'convert/kill',
  'examples/curriculum-gpt/main-job',
  'package/',
  'browser/',
  'web/live/',
  'cli/manners',
  'monitor/dashboard/',
  'fuzz/',
  'storage/cache.',
  'serve/',
  'cli/',
  'examples/',
  'convert/convert',
  'tokens/token-windows-batches',
  'adapters/tfjs-training',
  'loader/worker-death',
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
