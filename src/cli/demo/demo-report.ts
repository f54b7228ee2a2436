import type { DemoReport } from '../../web/report.js';
import { formatCount } from '../terminal/quantity.js';
import type { DemoResult } from './run-demo.js';
import { demoDefaults, modelShape, orderDescriptions } from './settings.js';
import { summarize } from './training-progress.js';

/** What the report page is made from. */
export function demoReport({ prepared, parameterCount, runs }: DemoResult): DemoReport {
  const { corpus, dataset, curriculumRange, configurations, vocabularySize } = prepared;
  const { width, layers, heads } = modelShape(vocabularySize);
  return {
    createdAt: new Date().toISOString(),
    corpus: { ...corpus, lengths: [...dataset.sizes] },
    curriculumRange,
    runs: runs.map(({ order, progress, admitted }) => {
      const { tokensPerSecond, waitShare, trainingMs } = summarize(progress);
      return {
        name: order,
        description: orderDescriptions[order],
        steps: progress.steps,
        evaluations: progress.evaluations,
        ...(admitted.length > 0 ? { admitted } : {}),
        tokensPerSecond,
        waitShare,
        trainingMs,
      };
    }),
    settings: [
      {
        name: 'Model',
        value: `GPT, ${layers} layer, width ${width}, ${heads} heads, ${formatCount(parameterCount)} parameters`,
      },
      { name: 'Vocabulary', value: `${formatCount(vocabularySize)} tokens` },
      { name: 'Token budget', value: `${formatCount(runs[0]?.progress.tokens ?? 0)} a run` },
      { name: 'Micro-batch', value: `${demoDefaults.microBatchSize} sequences` },
      { name: 'Seed', value: String(demoDefaults.seed) },
    ],
    configurations: Object.entries(configurations).map(([name, json]) => ({ name, json })),
  };
}
