// A small decoder-only transformer: learned positions, RMS norm before each block (Zhang and Sennrich 2019), causal
// attention, a ReLU feed-forward block of four times the width, and an output layer initialized to zero.
import type { Jax, JaxArray } from './jax-module.js';

/** Size of the network. */
export interface GptShape {
  readonly vocabularySize: number;
  /** Longest sequence, in tokens. */
  readonly maxLength: number;
  readonly width: number;
  readonly layers: number;
  /** Attention heads; they divide `width`. */
  readonly heads: number;
}

/** Parameters by name. */
export type Parameters = { [name: string]: JaxArray };

/** Shapes of the parameters by name, in a fixed order. */
export function parameterShapes({
  vocabularySize,
  maxLength,
  width,
  layers,
}: GptShape): Map<string, number[]> {
  const shapes = new Map([
    ['embedding', [vocabularySize, width]],
    ['position', [maxLength, width]],
  ]);
  for (let layer = 0; layer < layers; layer++) {
    shapes.set(`layer${layer}.attention`, [width, 3 * width]);
    shapes.set(`layer${layer}.projection`, [width, width]);
    shapes.set(`layer${layer}.up`, [width, 4 * width]);
    shapes.set(`layer${layer}.down`, [4 * width, width]);
  }
  return shapes.set('output', [width, vocabularySize]);
}

/** Draws initial parameters from a normal distribution, scaled so that each layer preserves the variance of its input. */
export function initialParameters(jax: Jax, shape: GptShape, seed: number): Parameters {
  const parameters: Parameters = {};
  let key = jax.random.key(seed);
  for (const [name, dimensions] of parameterShapes(shape)) {
    const [next, own] = jax.numpy.split(jax.random.split(key, 2), 2);
    key = next!.reshape([2]);
    const draw = jax.random.normal(own!.reshape([2]), dimensions);
    parameters[name] = draw.mul(initialScale(name, dimensions[0]!, shape.layers));
  }
  key.dispose();
  return parameters;
}

function initialScale(name: string, fanIn: number, layers: number): number {
  if (name === 'output') return 0;
  if (name === 'embedding') return 0.05;
  if (name === 'position') return 0.02;
  const writesToResidual = name.endsWith('projection') || name.endsWith('down');
  return (writesToResidual ? 1 / Math.sqrt(2 * layers) : 1) / Math.sqrt(fanIn);
}

/** Input of the network: flat arrays of `B·T` elements. */
export type GptInput = {
  /** int32. */
  readonly tokens: JaxArray;
  /** int32, the token that follows each token. */
  readonly targets: JaxArray;
  /** float32, the weight of each prediction. Padding has weight 0; the weights sum to 1. */
  readonly weights: JaxArray;
};

/**
 * The weighted cross-entropy of a batch of sequences of `length` tokens, in nats. Consumes its arguments, as jax-js
 * functions do.
 */
export function gptLoss(
  jax: Jax,
  shape: GptShape,
  length: number,
  parameters: Parameters,
  input: GptInput,
): JaxArray {
  const { nn } = jax;
  const logits = gptLogits(jax, shape, length, parameters, input.tokens);
  const logSum = nn.logsumexp(logits.ref, -1);
  const chosen = nn.oneHot(input.targets, shape.vocabularySize).mul(logits).sum(-1);
  return logSum.sub(chosen).mul(input.weights).sum();
}

/** Logits `[B·T, vocabularySize]` of tokens `[B·T]`. */
function gptLogits(
  jax: Jax,
  shape: GptShape,
  length: number,
  parameters: Parameters,
  tokens: JaxArray,
): JaxArray {
  const { numpy, nn } = jax;
  const take = (name: string): JaxArray => parameters[name]!;
  const rows = tokens.shape[0]!;
  // Positions stay flat: jax-js 0.1.25 cannot compile the gradient of take() behind a reshape.
  const positions = numpy.array(Int32Array.from({ length: rows }, (_, row) => row % length));
  let x = numpy.take(take('embedding'), tokens, 0).add(numpy.take(take('position'), positions, 0));
  const causal = numpy.tri(length).sub(1).mul(1e9);
  for (let layer = 0; layer < shape.layers; layer++) {
    const name = `layer${layer}`;
    const queriesKeysValues = numpy.matmul(rmsNorm(jax, x.ref), take(`${name}.attention`));
    const mixed = attention(jax, shape, length, queriesKeysValues, causal.ref);
    x = x.add(numpy.matmul(mixed, take(`${name}.projection`)));
    const hidden = nn.relu(numpy.matmul(rmsNorm(jax, x.ref), take(`${name}.up`)));
    x = x.add(numpy.matmul(hidden, take(`${name}.down`)));
  }
  causal.dispose();
  return numpy.matmul(rmsNorm(jax, x), take('output'));
}

/** `[B·T, 3·width]` queries, keys and values to `[B·T, width]`. */
function attention(jax: Jax, shape: GptShape, length: number, packed: JaxArray, causal: JaxArray): JaxArray {
  const { numpy, nn } = jax;
  const { width, heads } = shape;
  const rows = packed.shape[0]!;
  const perHead = packed.reshape([rows / length, length, 3, heads, width / heads]).transpose([2, 0, 3, 1, 4]);
  const queries = perHead.ref.slice(0);
  const keys = perHead.ref.slice(1);
  const values = perHead.slice(2);
  const scores = numpy.matmul(queries, keys.transpose([0, 1, 3, 2])).mul(Math.sqrt(heads / width));
  const weights = nn.softmax(scores.add(causal), -1);
  return numpy.matmul(weights, values).transpose([0, 2, 1, 3]).reshape([rows, width]);
}

function rmsNorm({ numpy }: Jax, x: JaxArray): JaxArray {
  const meanSquare = numpy.mean(numpy.square(x.ref), -1, { keepdims: true });
  return x.mul(numpy.reciprocal(numpy.sqrt(meanSquare.add(1e-5))));
}
