import type { GptShape } from './gpt.js';

/** Defaults, chosen so that the model learns visibly within a minute on two cores. */
export const defaults = {
  /** Training tokens of each run. */
  tokenBudget: 100_000,
  /** Threads that make batches and analyze difficulty. */
  workers: 2,
  seed: 1234,
  microBatchSize: 8,
  vocabularySize: 1024,
  minTokens: 8,
  maxTokens: 96,
  peakLearningRate: 1e-2,
  /** Every nth document is held out for validation. */
  documentsPerHeldOut: 12,
  validationSequences: 64,
  /** Evaluations during a run, including the one at the end. */
  evaluations: 7,
  /** Share of a run after which the curriculum admits every sample. */
  curriculumShare: 0.6,
} as const;

/** The model of both runs. */
export function modelShape(vocabularySize: number): GptShape {
  return { vocabularySize, maxLength: defaults.maxTokens, width: 64, layers: 1, heads: 4 };
}

/** The two orders to compare; they run in this sequence. */
export const orders = ['uniform', 'curriculum'] as const;

/** Name of a run. */
export type Order = (typeof orders)[number];

/** One sentence about each order. */
export const orderDescriptions: Readonly<Record<Order, string>> = {
  uniform: 'Every sequence is equally likely at every step.',
  curriculum: 'Starts with short sequences of common tokens and admits longer and rarer ones step by step.',
};
