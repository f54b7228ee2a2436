import { describe, expect, it } from 'vitest';
import type { LanguageModel, ModelState } from '../../../examples/curriculum-gpt/language-model.js';
import {
  batchOfSequences,
  type SequenceBatch,
  tokensIn,
} from '../../../examples/curriculum-gpt/sequence-batch.js';
import { type TrainingOptions, trainLanguageModel } from '../../../examples/curriculum-gpt/train.js';
import { summarize } from '../../../examples/curriculum-gpt/training-progress.js';

/** Its loss depends on everything it has been given, so a step that is lost, repeated or different shows. */
class FakeModel implements LanguageModel {
  readonly parameterCount = 1;
  state = 1;
  evaluations = 0;

  async step(batch: SequenceBatch, learningRate: number): Promise<number> {
    this.state = (this.state * 31 + tokensIn(batch) * 7 + Math.round(learningRate * 1e6)) % 1_000_003;
    return this.state / 1_000_003;
  }
  async evaluate(): Promise<number> {
    this.evaluations++;
    return this.state;
  }
  async exportState(): Promise<ModelState> {
    return { steps: this.state, tensors: {} };
  }
  importState(state: ModelState): void {
    this.state = state.steps;
  }
  dispose(): void {}
}

const batchAt = (i: number) => batchOfSequences([[0, 1, 2, 3].slice(0, 2 + (i % 3)), [0, 9]]);
async function* batchesFrom(first: number, end = Number.POSITIVE_INFINITY) {
  for (let i = first; i < end; i++) yield batchAt(i);
}
const validation = [batchAt(0), batchAt(1)];
const settings = (more: Partial<TrainingOptions> = {}): TrainingOptions => ({
  model: new FakeModel(),
  batches: batchesFrom(0),
  tokenBudget: 52,
  learningRate: (progress) => 0.1 * (1 - progress),
  validation,
  evaluateEveryTokens: 20,
  ...more,
});

describe('trainLanguageModel', () => {
  it('ends at exactly the token budget, with the last batch cut', async () => {
    const { outcome, progress } = await trainLanguageModel(settings());
    expect(outcome).toBe('finished');
    expect(progress.tokens).toBe(52);
    expect(progress.steps.flatMap(({ lengths }) => lengths).reduce((sum, length) => sum + length)).toBe(52);
    expect(progress.steps.at(-1)?.lengths).toEqual([3]);
  });

  it('evaluates at the start, after the step that completes each interval, and at the end', async () => {
    const { progress } = await trainLanguageModel(settings());
    expect(progress.evaluations.map(({ tokens }) => tokens)).toEqual([0, 24, 45, 52]);
  });

  it('gives each step its share of the budget for the learning rate', async () => {
    const seen: number[] = [];
    const learningRate = (progress: number) => {
      seen.push(progress);
      return 0.1;
    };
    const { progress } = await trainLanguageModel(settings({ learningRate }));
    expect(seen).toEqual([0, ...progress.steps.slice(0, -1).map(({ tokens }) => tokens / 52)]);
  });

  it('stops after the step in progress, and continues to the same end from any step', async () => {
    const whole = (await trainLanguageModel(settings())).progress;
    for (let stopAfter = 1; stopAfter < whole.steps.length; stopAfter++) {
      const stop = new AbortController();
      const model = new FakeModel();
      const first = await trainLanguageModel(
        settings({ model, signal: stop.signal, onStep: ({ step }) => step === stopAfter && stop.abort() }),
      );
      expect(first.outcome).toBe('interrupted');
      expect(first.progress.steps).toHaveLength(stopAfter);
      const resumed = new FakeModel();
      resumed.importState(await model.exportState());
      const progress = JSON.parse(JSON.stringify(first.progress));
      const second = await trainLanguageModel(
        settings({ model: resumed, progress, batches: batchesFrom(stopAfter) }),
      );
      const numbers = second.progress.steps.map(({ step, tokens, loss, lengths }) => ({
        step,
        tokens,
        loss,
        lengths,
      }));
      expect(numbers).toEqual(
        whole.steps.map(({ step, tokens, loss, lengths }) => ({ step, tokens, loss, lengths })),
      );
      expect(second.progress.evaluations).toEqual(whole.evaluations);
    }
  });

  it('takes no batch after its last step, and closes the source', async () => {
    let taken = 0;
    let closed = false;
    async function* counted() {
      try {
        for (let i = 0; ; i++) {
          taken++;
          yield batchAt(i);
        }
      } finally {
        closed = true;
      }
    }
    const { progress } = await trainLanguageModel(settings({ batches: counted() }));
    expect(taken).toBe(progress.steps.length);
    expect(closed).toBe(true);
  });

  it('does nothing when the budget is used up or the signal has been given', async () => {
    const done = await trainLanguageModel(settings({ progress: { tokens: 52, steps: [], evaluations: [] } }));
    expect(done.outcome).toBe('finished');
    const stopped = await trainLanguageModel(settings({ signal: AbortSignal.abort() }));
    expect(stopped).toEqual({ outcome: 'interrupted', progress: { tokens: 0, steps: [], evaluations: [] } });
  });

  it('says so when the batches end before the budget', async () => {
    const { outcome, progress } = await trainLanguageModel(settings({ batches: batchesFrom(0, 3) }));
    expect(outcome).toBe('exhausted');
    expect(progress.steps).toHaveLength(3);
  });

  it('lets timers run between steps', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort());
    const { outcome } = await trainLanguageModel(settings({ tokenBudget: 1e9, signal: stop.signal }));
    expect(outcome).toBe('interrupted');
  });
});

describe('summarize', () => {
  it('takes waiting and computing together as training time', () => {
    const step = { step: 1, tokens: 300, loss: 2, lengths: [300], waitMs: 100, computeMs: 400 };
    const summary = summarize({ tokens: 300, steps: [step], evaluations: [{ tokens: 300, loss: 1.5 }] });
    expect(summary).toEqual({
      steps: 1,
      tokens: 300,
      validationLoss: 1.5,
      tokensPerSecond: 600,
      waitShare: 0.2,
      trainingMs: 500,
    });
  });

  it('gives zeros and no loss for a run that has not begun', () => {
    expect(summarize({ tokens: 0, steps: [], evaluations: [] })).toMatchObject({
      tokensPerSecond: 0,
      waitShare: 0,
      validationLoss: Number.NaN,
    });
  });
});
