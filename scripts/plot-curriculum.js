// `node --import tsx scripts/plot-curriculum.js`: draws the figures of docs/curriculum.md from the text of
// examples/curriculum-gpt, without training.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DifficultyIndex } from '../dist/analysis/index.js';
import { BatchSampler, CurriculumSampler, RandomSampler } from '../dist/index.js';
import { prepareData } from '../examples/curriculum-gpt/prepare.ts';
import { showProgress } from '../examples/curriculum-gpt/progress.ts';
import { renderLineChart } from '../examples/curriculum-gpt/report/line-chart.ts';

const steps = 600;
const growing = 400;
const batchSize = 64;
const images = new URL('../docs/images/', import.meta.url);

const folder = mkdtempSync(join(tmpdir(), 'millrace-curriculum-'));
try {
  const progress = showProgress(process.stderr);
  const prepared = await prepareData({
    output: folder,
    data: undefined,
    tokenBudget: 100_000,
    workers: 2,
    progress,
  });
  const lengths = prepared.dataset.sizes;
  const { min, max } = prepared.curriculumRange;
  const schedule = (difficultyStep) => ({
    schedule: { type: 'linear', totalSteps: growing, difficultyStep },
  });
  const file = (metric, name) => join(folder, 'difficulty', metric, `${metric}_${name}`);
  const index = (metric, rows) =>
    DifficultyIndex.openSync({
      indexToSamplePath: file(metric, rows),
      ...(rows === 'index_to_sample' && { indexToMetricPath: file(metric, 'index_to_metric') }),
    });
  const curriculum = new CurriculumSampler(prepared.dataset, {
    batchSize,
    seed: 1,
    stepsPerEpoch: steps,
    metrics: {
      seqlen: {
        index: index('seqlen', 'index_to_sample'),
        minDifficulty: min,
        maxDifficulty: max,
        ...schedule(8),
      },
      vocabularyrarity: {
        index: index('vocabularyrarity', 'index_to_sample_percentile_merged'),
        difficultyType: 'percentile',
        minDifficulty: 20,
        maxDifficulty: 100,
        ...schedule(5),
      },
    },
  });
  const uniform = new RandomSampler(prepared.dataset, { seed: 1, numSamples: steps * batchSize });
  const runs = [uniform, curriculum].map((sampler) => [...new BatchSampler(sampler, { batchSize })]);
  const samples = prepared.dataset.length;

  mkdirSync(images, { recursive: true });
  const admitted = Array.from({ length: steps }, (_, step) => ({
    x: step,
    y:
      curriculum.clusters.reduce((sum, { step: from, size }) => sum + (from <= step + 1 ? size : 0), 0) /
      samples,
  }));
  draw(
    'admitted',
    [
      {
        label: 'uniform',
        run: 0,
        points: [
          { x: 0, y: 1 },
          { x: steps, y: 1 },
        ],
      },
      { label: 'curriculum', run: 1, look: 'stairs', points: admitted },
    ],
    'part of the samples that may come',
    (value) => value.toFixed(1),
  );

  const mean = (batch) => batch.reduce((sum, sample) => sum + lengths[sample], 0) / batch.length;
  draw(
    'lengths',
    runs.map((batches, k) => ({
      label: ['uniform', 'curriculum'][k],
      run: k,
      points: smoothed(batches.map(mean)).map((y, x) => ({ x, y })),
    })),
    'mean length of a batch, tokens',
    (value) => value.toFixed(0),
  );

  const times = runs.map((batches) => {
    const counts = new Uint16Array(samples);
    for (const sample of batches.flat()) counts[sample] += 1;
    return counts;
  });
  const order = Array.from({ length: samples }, (_, sample) => sample).sort(
    (a, b) => lengths[a] - lengths[b],
  );
  const parts = 20;
  draw(
    'times',
    times.map((counts, k) => ({
      label: ['uniform', 'curriculum'][k],
      run: k,
      look: 'marked',
      points: Array.from({ length: parts }, (_, part) => {
        const own = order.slice((part * samples) / parts, ((part + 1) * samples) / parts);
        return {
          x: (part + 0.5) * (100 / parts),
          y: own.reduce((sum, sample) => sum + counts[sample], 0) / own.length,
        };
      }),
    })),
    'times a sample is seen',
    (value) => value.toFixed(1),
    'percentile of length',
    true,
  );

  const worst = worstDeviation(curriculum);
  const tokens = runs.map((batches) => batches.flat().reduce((sum, sample) => sum + lengths[sample], 0));
  console.log(
    JSON.stringify(
      {
        samples,
        tokensInAll: prepared.dataset.tokenCount,
        clusters: curriculum.clusters.length,
        atFirst: curriculum.clusters[0].size,
        lengthsFrom: min,
        lengthsTo: max,
        worstDeviation: worst,
        bound: Math.log2(curriculum.clusters.length) + 1,
        tokens,
        neverSeen: times.map((counts) => counts.filter((count) => count === 0).length),
        mostOften: times.map((counts) => Math.max(...counts)),
        example: curriculum.whenSeen(order[100]).slice(0, 3),
      },
      null,
      1,
    ),
  );
} finally {
  rmSync(folder, { recursive: true });
}

function smoothed(values, reach = 8) {
  return values.map((_, i) => {
    const near = values.slice(Math.max(0, i - reach), i + reach + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

/** How far the counts of clusters are from their exact shares at worst, over all batches. */
function worstDeviation(sampler) {
  const exact = new Float64Array(sampler.clusters.length);
  let worst = 0;
  for (let step = 1; step <= steps; step++) {
    const open = sampler.clusters.map(({ step: from, size }) => (from <= step ? size : 0));
    const sum = open.reduce((total, size) => total + size, 0);
    for (const [k, count] of sampler.countsAfter(step).entries()) {
      exact[k] += (batchSize * open[k]) / sum;
      worst = Math.max(worst, Math.abs(count - exact[k]));
    }
  }
  return worst;
}

/** A chart as a file of its own, readable on light and dark pages. */
function draw(name, lines, label, format, xLabel = 'global batch', fromZero = true) {
  const chart = renderLineChart(lines, {
    id: name,
    title: `${label} by ${xLabel}`,
    description: `Two lines, uniform and curriculum: ${label} by ${xLabel}.`,
    x: { label: xLabel, format: (value) => String(value) },
    y: { label, format },
    fromZero,
  }).toString();
  const style = `text{font:12px system-ui,sans-serif;fill:#5b6678}.end{text-anchor:end}.middle,.axis{text-anchor:middle}.grid{stroke:#8885}
.rule{stroke:#5b6678}.line{fill:none;stroke:currentColor;stroke-width:2}.mark{fill:#fff;stroke:currentColor;stroke-width:2}.run0{color:#2563c9}.run1{color:#c2570c}
@media(prefers-color-scheme:dark){text{fill:#9aa6b8}.run0{color:#6ea8ff}.run1{color:#ff9d5c}.mark{fill:#181e28}}`;
  const legend = ['uniform', 'curriculum']
    .map(
      (text, k) =>
        `<g class="run${k}"><path class="line" d="M${340 + 70 * k},8h16"/><text x="${360 + 70 * k}" y="12">${text}</text></g>`,
    )
    .join('');
  const svg = /<svg[\s\S]*<\/svg>(?![\s\S]*<svg)/
    .exec(chart.slice(chart.lastIndexOf('<svg viewBox="0 0 520')))[0]
    .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace('</desc>', `</desc><style>${style}</style>${legend}`);
  writeFileSync(new URL(`curriculum-${name}.svg`, images), `${svg}\n`);
}
