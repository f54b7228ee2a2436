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

/**
 * Starts slow files first, so that no process works alone at the end. A fresh clone has no times of an earlier run to go by. Files that
 * need a process of their own come before all others: the test runner ends a shared process when the next file is one of them.
 */
export default class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const found = slow.findIndex((part) => moduleId.includes(`/test/${part}`));
      const isShared = project.config.isolate ? 0 : 1;
      return isShared * (slow.length + 1) + (found < 0 ? slow.length : found);
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
