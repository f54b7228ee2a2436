// Trains in this page: two workers load, move and batch the digits, and jax-js trains on them.
import { DataLoader, workerFunction } from 'millrace';
import { Classifier } from './classifier.js';
import { loadDigits } from './digits.js';
import { LossChart } from './loss-chart.js';

const epochs = 24;
const batchSize = 32;
const rate = 0.004;
const shownDigits = 30;

const element = (id) => document.getElementById(id);
const show = (id, text) => {
  element(id).textContent = text;
};

/** Resolves at the next frame, or immediately if the page is hidden. */
const nextFrame = () =>
  new Promise((resolve) => {
    if (document.hidden) setTimeout(resolve);
    else requestAnimationFrame(resolve);
  });

async function train() {
  const digits = await loadDigits(new URL('digits.csv.gz', document.baseURI));
  show('samples', digits.train.length.toLocaleString('en'));
  const loader = new DataLoader(digits.train, {
    batchSize,
    shuffle: true,
    seed: 1,
    numWorkers: 2,
    transform: workerFunction('worker:augment'),
    createWorker: () => new Worker(new URL('./loader-worker.js', import.meta.url), { type: 'module' }),
  });
  const [test] = await allOf(new DataLoader(digits.test, { batchSize: digits.test.length }));
  const classifier = await Classifier.create();
  const chart = new LossChart(element('chart'), epochs * loader.length);
  drawDigits(test);
  await judge(classifier, test, chart, 0);

  let step = 0;
  let recent = 2.3;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const batch of loader) {
      const loss = await classifier.step(batch, rate * 0.97 ** epoch);
      recent = 0.9 * recent + 0.1 * loss;
      step += 1;
      if (step % 8 !== 0) continue;
      chart.addTrain(step, recent);
      report(epoch, step, recent, loader.stats());
      await nextFrame();
    }
    await judge(classifier, test, chart, step);
  }
  report(epochs - 1, step, recent, loader.stats());
  await loader.close();
}

async function allOf(loader) {
  const batches = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

/** Evaluates the classifier on the test split. */
async function judge(classifier, test, chart, step) {
  const { guesses, loss } = await classifier.guess(test);
  const right = guesses.filter((guess, k) => guess === test.label.data[k]).length;
  chart.addTest(step, loss);
  show('test-loss', loss.toFixed(3));
  show('accuracy', `${((100 * right) / guesses.length).toFixed(1)} %`);
  document.querySelectorAll('#digits figure').forEach((figure, k) => {
    figure.className = guesses[k] === test.label.data[k] ? 'right' : 'wrong';
    figure.querySelector('figcaption').textContent = guesses[k];
  });
}

function report(epoch, step, loss, stats) {
  show('epoch', `${epoch + 1} of ${epochs}`);
  show('step', step.toLocaleString('en'));
  show('train-loss', loss.toFixed(3));
  show('rate', Math.round((1000 * stats.samples) / stats.elapsedMs).toLocaleString('en'));
  show('waiting', `${(100 * stats.waitShare).toFixed(1)} %`);
  show('workers', `${stats.numWorkers} × ${stats.prefetchFactor} ahead`);
  show('making', `${((1000 * stats.makeMs) / stats.batches).toFixed(0)} µs`);
}

function drawDigits({ image }) {
  for (let k = 0; k < shownDigits; k++) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const context = canvas.getContext('2d');
    const picture = context.createImageData(8, 8);
    for (let p = 0; p < 64; p++) picture.data.set([255, 255, 255, 255 * image.data[64 * k + p]], 4 * p);
    context.putImageData(picture, 0, 0);
    const figure = document.createElement('figure');
    figure.append(canvas, document.createElement('figcaption'));
    element('digits').append(figure);
  }
}

show('memory', crossOriginIsolated ? 'shared' : 'handed over');
try {
  document.body.dataset.state = 'training';
  show('status', 'Training');
  await train();
  document.body.dataset.state = 'trained';
  show('status', 'Trained');
} catch (error) {
  document.body.dataset.state = 'failed';
  show('status', `Failed: ${error.message}`);
  throw error;
}
