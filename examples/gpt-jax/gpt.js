// A tiny decoder-only transformer in jax-js: learned positions, one block of causal attention with one head and a
// ReLU layer, RMS norm before each (Zhang and Sennrich 2019). A jax-js function takes ownership of its arguments;
// `.ref` keeps a reference.

/**
 * Initializes the parameters, by name.
 *
 * @param size - `{ vocabulary, length, width }`: number of tokens, maximum length, features per position.
 */
export function initialParameters({ numpy, random }, { vocabulary, length, width }, seed) {
  const shapes = {
    embedding: [vocabulary, width],
    position: [length, width],
    queriesKeysValues: [width, 3 * width],
    mix: [width, width],
    up: [width, 4 * width],
    down: [4 * width, width],
    output: [width, vocabulary],
  };
  const keys = numpy.split(
    random.split(random.key(seed), Object.keys(shapes).length),
    Object.keys(shapes).length,
  );
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], k) => {
      const draw = random.normal(keys[k].reshape([2]), shape);
      return [name, draw.mul(name === 'position' || name === 'embedding' ? 0.05 : 1 / Math.sqrt(shape[0]))];
    }),
  );
}

/**
 * The mean cross-entropy of a batch, in nats.
 *
 * @param rows - Number of sequences, B.
 * @param input - int32 `[B·T]`, tokens.
 * @param target - int32 `[B·T]`, the token after each.
 * @param weight - float32 `[B·T]`, 1 for tokens and 0 for padding.
 */
export function meanLoss({ numpy, nn }, rows, parameters, { input, target, weight }) {
  const { embedding, position, queriesKeysValues, mix, up, down, output } = parameters;
  const length = input.shape[0] / rows;
  const vocabulary = output.shape[1];
  const places = numpy.array(Int32Array.from({ length: rows * length }, (_, i) => i % length));
  let x = numpy.take(embedding, input, 0).add(numpy.take(position, places, 0));
  const packed = numpy.matmul(rmsNorm(numpy, x.ref), queriesKeysValues).reshape([rows, length, 3, -1]);
  x = x.add(numpy.matmul(attend({ numpy, nn }, packed.transpose([2, 0, 1, 3])), mix));
  x = x.add(numpy.matmul(nn.relu(numpy.matmul(rmsNorm(numpy, x.ref), up)), down));
  const logits = numpy.matmul(rmsNorm(numpy, x), output);
  const chosen = nn.oneHot(target, vocabulary).mul(logits.ref).sum(-1);
  const losses = nn.logsumexp(logits, -1).sub(chosen);
  return losses.mul(weight.ref).sum().div(weight.sum());
}

/** Causal attention of `[3, B, T, width]` queries, keys and values. */
function attend({ numpy, nn }, packed) {
  const [, rows, length, width] = packed.shape;
  const queries = packed.ref.slice(0);
  const keys = packed.ref.slice(1);
  const values = packed.slice(2);
  const future = numpy.tri(length).sub(1).mul(1e9);
  const scores = numpy.matmul(queries, keys.transpose([0, 2, 1])).mul(1 / Math.sqrt(width));
  return numpy.matmul(nn.softmax(scores.add(future), -1), values).reshape([rows * length, width]);
}

function rmsNorm(numpy, x) {
  const meanSquare = numpy.mean(numpy.square(x.ref), -1, { keepdims: true });
  return x.mul(numpy.reciprocal(numpy.sqrt(meanSquare.add(1e-5))));
}

/** One Adam step (Kingma and Ba 2015) without bias correction. Takes ownership of its arguments. */
export function adam({ numpy }, { parameters, first, second }, gradients, learningRate) {
  const next = { parameters: {}, first: {}, second: {} };
  for (const [name, gradient] of Object.entries(gradients)) {
    next.first[name] = first[name].mul(0.9).add(gradient.ref.mul(0.1));
    next.second[name] = second[name].mul(0.95).add(numpy.square(gradient).mul(0.05));
    const direction = next.first[name].ref.div(numpy.sqrt(next.second[name].ref).add(1e-8));
    next.parameters[name] = parameters[name].sub(direction.mul(learningRate));
  }
  return next;
}
