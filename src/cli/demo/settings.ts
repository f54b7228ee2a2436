import type { GptShape } from './gpt.js';

/** What the demo does when nobody asks for anything else. Chosen to learn visibly within a minute on two cores. */
export const demoDefaults = {
  /** Tokens each of the two runs may see. */
  tokenBudget: 100_000,
  /** Threads that make batches, and that analyze difficulty. */
  workers: 2,
  seed: 1234,
  microBatchSize: 8,
  vocabularySize: 1024,
  minTokens: 8,
  maxTokens: 96,
  peakLearningRate: 1e-2,
  /** One document in so many is held out for validation. */
  documentsPerHeldOut: 12,
  validationSequences: 64,
  /** Evaluations over a run, the one at the end included. */
  evaluations: 7,
  /** Share of a run over which the curriculum's schedule rises. */
  curriculumShare: 0.6,
} as const;

/** The model of both runs. */
export function modelShape(vocabularySize: number): GptShape {
  return { vocabularySize, maxLength: demoDefaults.maxTokens, width: 64, layers: 1, heads: 4 };
}

/** The two orders that are compared, in the order in which they run. */
export const orders = ['uniform', 'curriculum'] as const;

/** Name of a run. */
export type Order = (typeof orders)[number];

/** What a run is, in a sentence. */
export const orderDescriptions: Readonly<Record<Order, string>> = {
  uniform: 'Every sequence is as likely at every step.',
  curriculum: 'Short sequences of common tokens first; longer and rarer ones are admitted step by step.',
};
