// Softmax regression in plain JavaScript, kept small because the example is about the data.

/** Weights `[inputs + 1, classes]` with the biases in the last row, all zero. */
export function zeroWeights(inputs, classes) {
  return new Float64Array((inputs + 1) * classes);
}

/**
 * Gradient of the summed cross-entropy of a batch, that sum in nats, and the number of samples. These are sums, not
 * means, so that the ranks' results add up to the global batch's, however unevenly it is divided.
 *
 * @param images - float32 `[B, inputs]`.
 * @param labels - `[B]`.
 * @returns float64 `[(inputs + 1) · classes + 2]`: the gradient, the loss, the number of samples.
 */
export function summedGradient(weights, images, labels, classes) {
  const [rows, inputs] = images.shape;
  const result = new Float64Array(weights.length + 2);
  result[weights.length + 1] = rows;
  const scores = new Float64Array(classes);
  for (let row = 0; row < rows; row++) {
    const pixels = images.data.subarray(row * inputs, (row + 1) * inputs);
    for (let k = 0; k < classes; k++) {
      let score = weights[inputs * classes + k];
      for (let i = 0; i < inputs; i++) score += pixels[i] * weights[i * classes + k];
      scores[k] = score;
    }
    const largest = Math.max(...scores);
    const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
    const label = labels.data[row];
    result[weights.length] += Math.log(sum) + largest - scores[label];
    for (let k = 0; k < classes; k++) {
      const slope = Math.exp(scores[k] - largest) / sum - (k === label ? 1 : 0);
      for (let i = 0; i < inputs; i++) result[i * classes + k] += slope * pixels[i];
      result[inputs * classes + k] += slope;
    }
  }
  return result;
}
