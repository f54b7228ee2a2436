import { isBigIntDType } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';

/**
 * The elements of an integer tensor as int32, for frameworks without wider integers. Always a copy.
 *
 * @param framework - Name of the framework, for the message.
 * @throws {@link CollateError} when an element does not fit, naming the element and its path.
 */
export function int32Elements({ dtype, data }: Tensor, path: string, framework: string): Int32Array {
  const elements = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const element = Number(data[i]);
    elements[i] = element;
    if (elements[i] !== element) {
      throw new CollateError(
        `${framework} has no ${dtype}, and the value ${data[i]} does not fit into int32`,
        {
          where: { path: path || '(batch)', element: i, dtype },
          next: `Scale it into the range of int32, or convert it to float32${isBigIntDType(dtype) ? ' or a number' : ''}.`,
        },
      );
    }
  }
  return elements;
}
