// A classifier of 64 → 96 → 10 in jax-js on WebAssembly, trained by Adam (Kingma and Ba, ICLR 2015).
import { defaultDevice, init, jit, nn, numpy as np, random, tree, valueAndGrad } from '@jax-js/jax';
import { toJax } from 'millrace/jax';

const sizes = [64, 96, 10];
const firstDecay = 0.9;
const secondDecay = 0.99;

function logits({ w1, b1, w2, b2 }, images) {
  return np.dot(nn.relu(np.dot(images, w1).add(b1)), w2).add(b2);
}

function loss(weights, images, labels) {
  const likely = nn.logSoftmax(logits(weights, images)).mul(nn.oneHot(labels, sizes[2]));
  return likely.sum().mul(-1 / images.shape[0]);
}

/**
 * One Adam step for all weights. `scale` holds the learning rate and bias corrections, so that one compiled step
 * serves all steps.
 */
function update(training, gradients, scale) {
  const next = { weights: {}, first: {}, second: {} };
  for (const [name, gradient] of Object.entries(gradients)) {
    const first = training.first[name].mul(firstDecay).add(gradient.ref.mul(1 - firstDecay));
    const second = training.second[name].mul(secondDecay).add(np.square(gradient).mul(1 - secondDecay));
    next.first[name] = first.ref;
    next.second[name] = second.ref;
    const size = np.sqrt(second.mul(scale.second.ref)).add(1e-7);
    next.weights[name] = training.weights[name].sub(first.mul(scale.first.ref).div(size).mul(scale.rate.ref));
  }
  tree.dispose(scale);
  return next;
}

export class Classifier {
  #training;
  #steps = 0;
  #step = jit((training, images, labels, scale) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(training.weights), images, labels);
    return { value, training: update(training, gradients, scale) };
  });
  #logits = jit(logits);

  static async create() {
    await init('wasm');
    defaultDevice('wasm');
    return new Classifier();
  }

  constructor() {
    const [inputs, hidden, classes] = sizes;
    const [key1, key2] = [random.key(1), random.key(2)];
    const shapes = { w1: [inputs, hidden], b1: [hidden], w2: [hidden, classes], b2: [classes] };
    const zeros = () =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, np.zeros(shape)]));
    this.#training = {
      weights: {
        ...zeros(),
        w1: random.normal(key1, shapes.w1).mul(Math.sqrt(2 / inputs)),
        w2: random.normal(key2, shapes.w2).mul(Math.sqrt(1 / hidden)),
      },
      first: zeros(),
      second: zeros(),
    };
  }

  /** Trains on a batch. @returns {Promise<number>} The loss before the step */
  async step({ image, label }, rate) {
    const { images, labels } = toJax(np, { images: image, labels: label });
    this.#steps += 1;
    const scale = {
      rate: np.array(rate),
      first: np.array(1 / (1 - firstDecay ** this.#steps)),
      second: np.array(1 / (1 - secondDecay ** this.#steps)),
    };
    const { value, training } = this.#step(this.#training, images, labels, scale);
    this.#training = training;
    return (await value.data())[0];
  }

  /** Classifies a batch. @returns {Promise<{ guesses: number[], loss: number }>} */
  async guess({ image, label }) {
    const { images } = toJax(np, { images: image });
    const scores = await this.#logits(tree.ref(this.#training.weights), images).data();
    const [, , classes] = sizes;
    let total = 0;
    const guesses = Array.from(label.data, (truth, k) => {
      const row = Array.from(scores.subarray(k * classes, (k + 1) * classes));
      const most = Math.max(...row);
      total += most + Math.log(row.reduce((sum, score) => sum + Math.exp(score - most), 0)) - row[truth];
      return row.indexOf(most);
    });
    return { guesses, loss: total / guesses.length };
  }
}
