// Adam: Kingma and Ba, A Method for Stochastic Optimization, ICLR 2015.
import type { Parameters } from './gpt.js';
import type { Jax, JaxArray } from './jax-module.js';

const firstDecay = 0.9;
const secondDecay = 0.95;
const epsilon = 1e-8;

/** The parameters and their first and second moments. */
export type Training = { parameters: Parameters; first: Parameters; second: Parameters };

/** The values that change from step to step. They are arrays, so that one compiled function serves every step. */
export type AdamScale = { learningRate: JaxArray; firstCorrection: JaxArray; secondCorrection: JaxArray };

/** Scale of the update at `step`, which counts from 1. */
export function adamScale({ numpy }: Jax, learningRate: number, step: number): AdamScale {
  return {
    learningRate: numpy.array(learningRate),
    firstCorrection: numpy.array(1 / (1 - firstDecay ** step)),
    secondCorrection: numpy.array(1 / (1 - secondDecay ** step)),
  };
}

/** Applies one update. Consumes its arguments, as jax-js functions do. */
export function adamUpdate(
  { numpy, tree }: Jax,
  training: Training,
  gradients: Parameters,
  scale: AdamScale,
): Training {
  const next: Training = { parameters: {}, first: {}, second: {} };
  for (const [name, gradient] of Object.entries(gradients)) {
    const first = training.first[name]!.mul(firstDecay).add(gradient.ref.mul(1 - firstDecay));
    const second = training.second[name]!.mul(secondDecay).add(numpy.square(gradient).mul(1 - secondDecay));
    next.first[name] = first.ref;
    next.second[name] = second.ref;
    const size = numpy.sqrt(second.mul(scale.secondCorrection.ref)).add(epsilon);
    const direction = first.mul(scale.firstCorrection.ref).div(size);
    next.parameters[name] = training.parameters[name]!.sub(direction.mul(scale.learningRate.ref));
  }
  tree.dispose(scale);
  return next;
}
