import { tensor } from 'millrace';
import { type AdamScale, adamScale, adamUpdate, type Training } from './adam.js';
import {
  type GptInput,
  type GptShape,
  gptLoss,
  initialParameters,
  type Parameters,
  parameterShapes,
} from './gpt.js';
import { type Jax, type JaxArray, loadJax } from './jax-module.js';
import type { LanguageModel, ModelState } from './language-model.js';
import { predictionsIn, type SequenceBatch } from './sequence-batch.js';
import { UserError } from './user-error.js';

/** Size and seed of the model. */
export interface LanguageModelOptions extends GptShape {
  /** Seed of the initial parameters. */
  readonly seed: number;
  /**
   * Batches are padded to a multiple of this many tokens. Each padded length is compiled once, so a larger multiple
   * compiles less and pads more. @defaultValue `32`
   */
  readonly lengthMultiple?: number;
}

/** A training step, compiled for one padded length. */
type CompiledStep = (
  training: Training,
  input: GptInput,
  scale: AdamScale,
) => { loss: JaxArray; training: Training };
type CompiledLoss = (parameters: Parameters, input: GptInput) => JaxArray;

/** Creates a small GPT that jax-js trains on WebAssembly. */
export async function createLanguageModel(options: LanguageModelOptions): Promise<LanguageModel> {
  return new JaxLanguageModel(await loadJax(), options);
}

class JaxLanguageModel implements LanguageModel {
  readonly parameterCount: number;
  readonly #jax: Jax;
  readonly #options: LanguageModelOptions;
  readonly #compiledSteps = new Map<number, CompiledStep>();
  readonly #compiledLosses = new Map<number, CompiledLoss>();
  readonly #shapes: ReadonlyMap<string, number[]>;
  #training: Training;
  #steps = 0;

  constructor(jax: Jax, options: LanguageModelOptions) {
    this.#jax = jax;
    this.#options = options;
    this.#shapes = parameterShapes(options);
    this.#training = {
      parameters: initialParameters(jax, options, options.seed),
      first: this.#zeros(),
      second: this.#zeros(),
    };
    this.parameterCount = [...this.#shapes.values()].reduce(
      (sum, [rows = 1, columns = 1]) => sum + rows * columns,
      0,
    );
  }

  async step(batch: SequenceBatch, learningRate: number): Promise<number> {
    const { length, input } = this.#prepare(batch);
    const scale = adamScale(this.#jax, learningRate, this.#steps + 1);
    const { loss, training } = this.#stepOf(length)(this.#training, input, scale);
    this.#training = training;
    this.#steps++;
    return scalar(loss);
  }

  async evaluate(batch: SequenceBatch): Promise<number> {
    const { length, input } = this.#prepare(batch);
    return scalar(this.#lossOf(length)(this.#jax.tree.ref(this.#training.parameters), input));
  }

  async exportState(): Promise<ModelState> {
    const tensors: Record<string, ModelState['tensors'][string]> = {};
    for (const [group, arrays] of Object.entries(this.#training)) {
      for (const [name, array] of Object.entries(arrays)) {
        // Copied, because jax-js may return a view of its own memory.
        const elements = Float32Array.from((await array.ref.data()) as Float32Array);
        tensors[`${group}.${name}`] = tensor(elements, this.#shapes.get(name)!);
      }
    }
    return { steps: this.#steps, tensors };
  }

  importState(state: ModelState): void {
    const restored: Training = { parameters: {}, first: {}, second: {} };
    for (const group of ['parameters', 'first', 'second'] as const) {
      for (const [name, shape] of this.#shapes) {
        const source = state.tensors[`${group}.${name}`];
        if (!source || `${source.shape}` !== `${shape}`) {
          this.#jax.tree.dispose(restored);
          throw new UserError(
            `The saved ${group}.${name} has shape [${source?.shape ?? ''}], the model needs [${shape}]. Start a new run.`,
          );
        }
        restored[group][name] = this.#jax.numpy.array(Float32Array.from(source.data)).reshape(shape);
      }
    }
    this.dispose();
    this.#training = restored;
    this.#steps = state.steps;
  }

  dispose(): void {
    this.#jax.tree.dispose(this.#training);
    this.#training = { parameters: {}, first: {}, second: {} };
  }

  #zeros(): Parameters {
    return Object.fromEntries([...this.#shapes].map(([name, shape]) => [name, this.#jax.numpy.zeros(shape)]));
  }

  #stepOf(length: number): CompiledStep {
    return memoized(this.#compiledSteps, length, () => {
      const jax = this.#jax;
      const loss = (parameters: Parameters, input: GptInput): JaxArray =>
        gptLoss(jax, this.#options, length, parameters, input);
      return jax.jit((training: Training, input: GptInput, scale: AdamScale) => {
        const [value, gradients] = jax.valueAndGrad(loss)(jax.tree.ref(training.parameters), input);
        return { loss: value, training: adamUpdate(jax, training, gradients as Parameters, scale) };
      }) as CompiledStep;
    });
  }

  #lossOf(length: number): CompiledLoss {
    return memoized(this.#compiledLosses, length, () => {
      const jax = this.#jax;
      return jax.jit((parameters: Parameters, input: GptInput) =>
        gptLoss(jax, this.#options, length, parameters, input),
      ) as CompiledLoss;
    });
  }

  #prepare(batch: SequenceBatch): { length: number; input: GptInput } {
    const multiple = this.#options.lengthMultiple ?? 32;
    const { maxLength } = this.#options;
    const longest = Math.max(1, ...batch.lengths.data);
    if (longest > maxLength) {
      throw new RangeError(`A sequence has ${longest} tokens; the model accepts at most ${maxLength}.`);
    }
    const length = Math.min(Math.ceil(longest / multiple) * multiple, maxLength);
    const { tokens, targets, weights } = flatten(batch, length);
    const { array } = this.#jax.numpy;
    return { length, input: { tokens: array(tokens), targets: array(targets), weights: array(weights) } };
  }
}

/** Re-pads a batch to `length` and flattens it, with the target and weight of each prediction. */
function flatten(batch: SequenceBatch, length: number) {
  const [rows = 0, columns = 0] = batch.tokens.shape;
  const tokens = new Int32Array(rows * length);
  const targets = new Int32Array(rows * length);
  const weights = new Float32Array(rows * length);
  const weight = 1 / Math.max(1, predictionsIn(batch));
  for (let row = 0; row < rows; row++) {
    const sequence = batch.tokens.data.subarray(row * columns, row * columns + batch.lengths.data[row]!);
    tokens.set(sequence, row * length);
    targets.set(sequence.subarray(1), row * length);
    weights.fill(weight, row * length, row * length + Math.max(0, sequence.length - 1));
  }
  return { tokens, targets, weights };
}

async function scalar(array: JaxArray): Promise<number> {
  return (await array.data())[0]!;
}

function memoized<V>(cache: Map<number, V>, key: number, make: () => V): V {
  let value = cache.get(key);
  if (value === undefined) {
    value = make();
    cache.set(key, value);
  }
  return value;
}
