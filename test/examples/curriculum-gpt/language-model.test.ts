import { describe, expect, it } from 'vitest';
import { createLanguageModel } from '../../../examples/curriculum-gpt/jax-language-model.js';
import { batchOfSequences } from '../../../examples/curriculum-gpt/sequence-batch.js';

const options = {
  vocabularySize: 32,
  maxLength: 16,
  width: 16,
  layers: 1,
  heads: 2,
  seed: 3,
  lengthMultiple: 8,
};
const counting = (from: number, length: number) => [
  0,
  ...Array.from({ length }, (_, i) => 1 + ((from + i) % 31)),
];
const batches = Array.from({ length: 6 }, (_, i) =>
  batchOfSequences([counting(i * 3, 4 + (i % 3) * 5), counting(i, 6)]),
);

async function train(steps: number, model = createLanguageModel(options)) {
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await (await model).step(batches[step % 6]!, 0.01));
  return { losses, model: await model };
}

describe('the language model', () => {
  it('starts at the loss of a uniform guess', async () => {
    const model = await createLanguageModel(options);
    expect(await model.evaluate(batches[0]!)).toBeCloseTo(Math.log(32), 5);
    expect(model.parameterCount).toBe(32 * 16 + 16 * 16 + 16 * 48 + 16 * 16 + 2 * 16 * 64 + 16 * 32);
    model.dispose();
  });

  it('learns a predictable sequence', async () => {
    const { losses, model } = await train(90);
    expect(losses.at(-1)).toBeLessThan(Math.log(32) / 2);
    model.dispose();
  });

  it('is deterministic: every run has the same losses', async () => {
    const [first, second] = [await train(12), await train(12)];
    expect(first.losses).toEqual(second.losses);
    first.model.dispose();
    second.model.dispose();
  });

  it('has other initial parameters under another seed', async () => {
    const other = await createLanguageModel({ ...options, seed: 4 });
    const own = await createLanguageModel(options);
    const [a, b] = [await other.exportState(), await own.exportState()];
    expect(a.tensors['parameters.embedding']!.data).not.toEqual(b.tensors['parameters.embedding']!.data);
    other.dispose();
    own.dispose();
  });

  it('continues an exported state with the losses of an uninterrupted run', async () => {
    const whole = await train(12);
    const half = await train(5);
    const state = structuredClone(await half.model.exportState());
    half.model.dispose();
    const resumed = await createLanguageModel({ ...options, seed: 99 });
    resumed.importState(state);
    const losses: number[] = [];
    for (let step = 5; step < 12; step++) losses.push(await resumed.step(batches[step % 6]!, 0.01));
    expect(losses).toEqual(whole.losses.slice(5));
    expect(await resumed.exportState()).toEqual(await whole.model.exportState());
    whole.model.dispose();
    resumed.dispose();
  });

  it('is not changed by evaluation, by exporting, or by the content of padding', async () => {
    const clean = batchOfSequences([counting(1, 9), counting(2, 3)]);
    const dirty = {
      ...clean,
      tokens: { ...clean.tokens, data: clean.tokens.data.map((token, i) => (i > 13 ? 7 : token)) },
    };
    const model = await createLanguageModel(options);
    await model.step(clean, 0.01);
    const before = await model.exportState();
    expect(await model.evaluate(dirty)).toBe(await model.evaluate(clean));
    expect(await model.exportState()).toEqual(before);
    model.dispose();
  });

  it('does not see a token before predicting it', async () => {
    const { model } = await train(20);
    const own = await model.evaluate(batchOfSequences([[0, 5]]));
    // If the second prediction knew its token, the probabilities of all tokens would sum to more than 1.
    const tail = async (token: number) => (await model.evaluate(batchOfSequences([[0, 5, token]]))) * 2 - own;
    const total = await Promise.all(
      Array.from({ length: 32 }, async (_, token) => Math.exp(-(await tail(token)))),
    );
    expect(total.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 4);
    model.dispose();
  });

  it('refuses sequences beyond its maximum length, and the state of a model of another shape', async () => {
    const model = await createLanguageModel(options);
    const other = await createLanguageModel({ ...options, width: 8 });
    await expect(model.step(batchOfSequences([counting(0, 16)]), 0.01)).rejects.toThrow(
      /17 tokens; the model accepts at most 16/,
    );
    const state = await other.exportState();
    expect(() => model.importState(state)).toThrow(
      /saved parameters\.embedding has shape \[32,8\], the model needs \[32,16\]/,
    );
    expect(await model.evaluate(batches[0]!)).toBeCloseTo(Math.log(32), 5);
    model.dispose();
    other.dispose();
  });
});
