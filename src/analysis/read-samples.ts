import { type Dataset, datasetTitle } from '../core/dataset.js';
import { MillraceError, SampleError } from '../core/errors.js';
import { DrawContext } from '../random/sample-context.js';

/** Reads the samples of a range; concurrently if reads are asynchronous. */
export function readSamples(
  dataset: Dataset<unknown>,
  start: number,
  end: number,
): unknown[] | Promise<unknown[]> {
  const samples = new Array<unknown>(end - start);
  let isWaiting = false;
  for (let index = start; index < end; index++) {
    const sample = readSample(dataset, index);
    isWaiting ||= typeof sample === 'object' && sample instanceof Promise;
    samples[index - start] = sample;
  }
  return isWaiting ? Promise.all(samples) : samples;
}

function readSample(dataset: Dataset<unknown>, index: number): unknown {
  const context = new DrawContext(index, { epoch: 0, seed: 0, worker: null, position: index });
  try {
    const sample = dataset.get(index, context);
    if (typeof sample !== 'object' || !(sample instanceof Promise)) return sample;
    return sample.catch((cause: unknown) => {
      throw notRead(index, cause);
    });
  } catch (cause) {
    throw notRead(index, cause);
  }
}

function notRead(index: number, cause: unknown): SampleError {
  return new SampleError(`Sample ${index} could not be read`, { where: { index }, cause });
}

/** The error for samples `start … end - 1`, or for the one among them that the cause names. */
export function notMeasured(
  dataset: Dataset<unknown>,
  start: number,
  end: number,
  cause: unknown,
): SampleError {
  const { name, where } = datasetTitle(dataset);
  const one = cause instanceof MillraceError ? cause.where.index : undefined;
  if (typeof one === 'number') {
    const reason = cause instanceof SampleError && cause.cause !== undefined ? cause.cause : cause;
    return new SampleError(`Sample ${one} of ${name} could not be measured`, {
      where: { ...where, index: one },
      cause: reason,
    });
  }
  return new SampleError(`Samples ${start} to ${end - 1} of ${name} could not be measured`, {
    where: { ...where, index: start },
    cause,
  });
}
