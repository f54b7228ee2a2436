// Adam: Kingma and Ba, A Method for Stochastic Optimization, ICLR 2015.
import { ownValue, setOwn } from '../../core/record.js';
import type { Parameters } from './gpt.js';
import type { Jax, JaxArray } from './jax-module.js';

const firstDecay = 0.9;
const secondDecay = 0.95;
const epsilon = 1e-8;

/** Parameters with the optimizer's moments of each. */
export type Training = { parameters: Parameters; first: Parameters; second: Parameters };

/** What differs from step to step besides the gradient: scalars, so that one compiled step serves all. */
export type AdamScale = { learningRate: JaxArray; firstCorrection: JaxArray; secondCorrection: JaxArray };

/** The scalars of step `step`, which counts from 1. */
export function adamScale({ numpy }: Jax, learningRate: number, step: number): AdamScale {
  return {
    learningRate: numpy.array(learningRate),
    firstCorrection: numpy.array(1 / (1 - firstDecay ** step)),
    secondCorrection: numpy.array(1 / (1 - secondDecay ** step)),
  };
}

/** One update. Takes its arguments over. */
export function adamUpdate(
  { numpy, tree }: Jax,
  training: Training,
  gradients: Parameters,
  scale: AdamScale,
): Training {
  const next: Training = { parameters: {}, first: {}, second: {} };
  for (const [name, gradient] of Object.entries(gradients)) {
    const first = ownValue(training.first, name)!
      .mul(firstDecay)
      .add(gradient.ref.mul(1 - firstDecay));
    const second = ownValue(training.second, name)!
      .mul(secondDecay)
      .add(numpy.square(gradient).mul(1 - secondDecay));
    setOwn(next.first, name, first.ref);
    setOwn(next.second, name, second.ref);
    const size = numpy.sqrt(second.mul(scale.secondCorrection.ref)).add(epsilon);
    const direction = first.mul(scale.firstCorrection.ref).div(size);
    setOwn(
      next.parameters,
      name,
      ownValue(training.parameters, name)!.sub(direction.mul(scale.learningRate.ref)),
    );
  }
  tree.dispose(scale);
  return next;
}
