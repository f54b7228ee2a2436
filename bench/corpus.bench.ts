// Long work over a corpus: documents a second, and peak memory as the corpus grows.
import { corpusFile } from './corpus-files.js';
import { atLeast, atMost, compare, nodeCommand, type Report, resultOf } from './measure.js';

export const title = 'Corpus: select (near duplicates, 4 bands) and map';
export const unit = 'documents/s';

const small = 100_000;
/** `MILLRACE_BENCH_DOCUMENTS=10000000` measures more; a run then takes an hour. */
const large = Number(process.env.MILLRACE_BENCH_DOCUMENTS ?? 1_000_000);

export default function run(): Report {
  const [few, many] = [corpusFile(small), corpusFile(large)];
  const cases = ['select', 'map'].flatMap((work) => [
    { name: `${work}: ${small} documents, 1 thread`, command: nodeCommand('corpus.js', work, few, '1') },
    { name: `${work}: ${small} documents, 2 threads`, command: nodeCommand('corpus.js', work, few, '2') },
    { name: `${work}: ${large} documents, 2 threads`, command: nodeCommand('corpus.js', work, many, '2') },
  ]);
  const results = compare(cases, 'rate', 1);
  const named = (work: string, rest: string) => resultOf(results, `${work}: ${rest}`);
  return {
    results,
    goals: ['select', 'map'].flatMap((work) => [
      atMost(
        `${work}: peak memory of ${large} documents, of that of ${small}`,
        named(work, `${large} documents, 2 threads`).peakMiB /
          named(work, `${small} documents, 2 threads`).peakMiB,
        1.5,
      ),
      atLeast(
        `${work}: speed of 2 threads, of that of 1`,
        named(work, `${small} documents, 2 threads`).value /
          named(work, `${small} documents, 1 thread`).value,
        1.6,
      ),
    ]),
  };
}
