// The command as its user runs it, and its page in a real browser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigFolder } from '../config/folder.js';
import { connectBrowser, executablePath, openPage } from '../setup/browser.js';
import { runInOneProcess as runCommand } from './in-one-process.js';

let folder: ConfigFolder;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens(
    'tokens',
    Array.from({ length: 200 }, (_, i) => 1 + ((i * 7) % 300)),
  );
  const config = {
    data: 'tokens',
    loader: { batchSize: 8 },
    curriculum: {
      metrics: {
        seqlen: {
          difficulty: 'length',
          minDifficulty: 20,
          maxDifficulty: 250,
          schedule: { type: 'linear', totalSteps: 300, difficultyStep: 1 },
        },
      },
    },
    training: { steps: 200 },
  };
  folder.json('curriculum.json', config);
  folder.json('shorter.json', { ...config, training: { steps: 400 }, loader: { batchSize: 8, seed: 1 } });
  folder.json('mixture.json', {
    data: { mixture: { web: { data: 'tokens', weight: 3 }, books: { data: 'tokens', weight: 1 } } },
    windows: { length: 16 },
    loader: { batchSize: 9 },
  });
  folder.json('phases.json', {
    data: { mixture: { web: { data: 'tokens', weight: 3 }, books: { data: 'tokens', weight: 1 } } },
    windows: { length: 16 },
    loader: { batchSize: 9 },
    phases: [
      { at: 2, weights: { books: 1 } },
      { at: 5, batchSize: 12 },
    ],
    training: { steps: 9 },
  });
  folder.json('ramp.json', {
    data: 'tokens',
    batchSizes: [
      { step: 0, batchSize: 4 },
      { step: 60, batchSize: 16 },
    ],
    loader: { shuffle: true, dropLast: true, seed: 5 },
    training: { epochs: 3 },
  });
});
afterAll(() => folder.remove());

const plan = (...args: string[]) => runCommand(['plan', ...args], { cwd: folder.path });

describe('millrace plan', () => {
  it('reads TypeScript with types and imports, even without a package.json that declares a module', async () => {
    folder.file('sizes.ts', 'export const batchSize: number = 4;\n');
    folder.file(
      'typed.config.ts',
      `import { defineConfig } from '${new URL('../../dist/config/index.js', import.meta.url).href}';
       import { batchSize } from './sizes.ts';
       interface Named { readonly data: string }
       const named: Named = { data: 'tokens' };
       export default defineConfig({ ...named, windows: { length: 16 }, loader: { batchSize } });`,
    );
    const { status, stdout, stderr } = await plan('typed.config.ts', '--json');
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'millrace',
      split: { globalBatch: 4 },
      memory: { batchBytes: 4 * 2 * 16 * 4 },
    });
  });

  it('prints facts, the data by difficulty with the steps of admission, and problems', async () => {
    const { stdout, stderr } = await plan('curriculum.json', '--world-size', '3');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ {2}global batch {2}8 samples: 2 or 3 on each of 3 ranks$/m);
    expect(stdout).toMatch(/^ {2}an epoch {6}25 steps$/m);
    expect(stdout).toMatch(/^ +to 34 {2}█+ +\d+ {2}from global step \d+$/m);
    expect(stdout).toMatch(/^ +above 250 .* never$/m);
    expect(stdout).toMatch(
      /schedule-ends-after-training\n {2}The curriculum admits samples until global step \d+/,
    );
    expect(stdout).toMatch(/uneven-shares/);
  });

  it('shows the batches of a step on every rank, consistent with when a sample is seen', async () => {
    const step = await plan('curriculum.json', '--world-size', '2', '--step', '30', '--json');
    const { batches, globalStep, epoch, step: stepOfEpoch } = JSON.parse(step.stdout);
    expect([globalStep, epoch, stepOfEpoch, batches.length]).toEqual([30, 1, 5, 2]);
    const sample = batches[1].indices[2];
    const seen = await plan('curriculum.json', '--world-size', '2', '--sample', `${sample}`, '--json');
    expect(JSON.parse(seen.stdout).sightings).toContainEqual({
      epoch: 1,
      step: 5,
      microBatch: 0,
      rank: 1,
      slot: 2,
    });
    expect((await plan('mixture.json', '--sample', 'books:3')).stdout).toMatch(/^Sample books:3 is seen/);
  });

  it('follows batch sizes over epochs that differ in length', async () => {
    const { stdout } = await plan('ramp.json', '--json');
    const { stepsPerEpoch, steps, batchSizes, epoch } = JSON.parse(stdout);
    // 200 samples in batches of 4 are 50 steps, 10 more of the next epoch, 10 of 16 samples, and a whole epoch of them.
    expect([stepsPerEpoch, steps, epoch.samples]).toEqual([50, 50 + 10 + 10 + 12, 200 + 200 + 192]);
    expect(batchSizes).toHaveLength(2);
    const text = (await plan('ramp.json')).stdout;
    expect(text).toMatch(/batch sizes +4, 16 from global step 60\n +first epoch +50 steps\n/);
    expect(text).not.toContain('repeated');
    const uneven = await plan('ramp.json', '--world-size', '3');
    expect(uneven.stdout).toContain('A global batch of 4 does not divide evenly by 3 ranks');
    const step = JSON.parse((await plan('ramp.json', '--step', '71', '--json')).stdout);
    expect([step.epoch, step.step, step.batches[0].indices.length]).toEqual([2, 1, 16]);
    const seen = await plan('ramp.json', '--sample', `${step.batches[0].indices[9]}`, '--json');
    expect(JSON.parse(seen.stdout).sightings).toContainEqual({
      epoch: 2,
      step: 1,
      microBatch: 0,
      rank: 0,
      slot: 9,
    });
  });

  it('compares the facts, findings and order of two configurations', async () => {
    const { stdout } = await plan('curriculum.json', 'shorter.json', '--json');
    const { facts, firstStep } = JSON.parse(stdout);
    expect(firstStep).toBe(0);
    expect(facts).toContainEqual({
      name: 'loader',
      left: '{ batchSize: 8 }',
      right: '{ batchSize: 8, seed: 1 }',
    });
    const text = (await plan('curriculum.json', 'shorter.json')).stdout;
    expect(text).toMatch(/✓ schedule-ends-after-training is gone/);
    expect((await plan('mixture.json', 'mixture.json')).stdout).toMatch(
      /The plans are equal\.[\s\S]*The first \d+ global batches are the same\./,
    );
  });

  it('makes a batch with --probe if the size is unknown', async () => {
    folder.module(
      'own.mjs',
      `{ data: 'tokens', windows: { length: 16 }, loader: { batchSize: 4, transform: (sample) => sample } }`,
    );
    expect((await plan('own.mjs')).stdout).toMatch(/memory +unknown without reading a sample/);
    const { stdout } = await plan('own.mjs', '--probe', '--json');
    expect(JSON.parse(stdout).memory).toMatchObject({ batchBytes: 512, source: 'an actual batch' });
  });

  it.each([
    [['nowhere.ts'], 1, /There is no such file \(file nowhere\.ts\)/],
    [
      ['curriculum.json', '--step', '3', '--sample', '4'],
      2,
      /--sample: cannot be given together with --step/,
    ],
    [['curriculum.json', '--sample', '200'], 2, /--sample: is 200; must be below 200/],
    [['mixture.json', '--sample', 'film:2'], 2, /names the source film; the sources are web, books/],
    [[], 2, /No configuration: this folder has none of millrace\.config\.ts, .*millrace init/],
  ])('rejects %j with the reason', async (args, status, message) => {
    const result = await plan(...args);
    expect(result.status).toBe(status);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n {4}at /);
  });
});

it('draws the phases of a run on its page', async () => {
  const file = join(folder.path, 'phases.html');
  await plan('phases.json', '--html', file);
  const html = readFileSync(file, 'utf8');
  const titles = [...html.matchAll(/<h3>(From step[^<]*)<\/h3>/g)].map(([, title]) => title);
  expect(titles).toEqual([
    'From step 0: 9 samples a step',
    'From step 2: 9 samples a step',
    'From step 5: 12 samples a step',
  ]);
  // A source without a share has no width.
  expect(html).toContain('style="flex: 0"');
  expect(html).toContain('What changes, by global step');
});

describe.skipIf(!executablePath)('the page of a plan, in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await connectBrowser();
  });
  afterAll(() => browser.close());

  it.each(['light', 'dark'] as const)(
    'opens in %s without errors, requests or overflow',
    async (colorScheme) => {
      const pages = [
        ['curriculum.json', 'Problems'],
        ['mixture.json', 'Mixture'],
        ['phases.json', 'Phases'],
      ] as const;
      for (const [config, shown] of pages) {
        const file = join(folder.path, 'plan.html');
        expect((await plan(config, '--html', file)).stdout).toMatch(/Page: .*plan\.html\n$/);
        const page = await openPage(browser, { colorScheme, viewport: { width: 400, height: 800 } });
        const troubles: string[] = [];
        page.on('console', (message) => troubles.push(message.text()));
        page.on('request', (request) => request.url().startsWith('file:') || troubles.push(request.url()));
        await page.goto(pathToFileURL(file).href);
        expect(troubles).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
        const titles = await page.locator('h2').allTextContents();
        expect(titles).toContain(shown);
        await page.close();
      }
    },
  );
});

describe('the page of a plan', () => {
  it('has a title and a table for every chart, and escapes text from the configuration', async () => {
    folder.json('<b>.json', JSON.parse(readFileSync(join(folder.path, 'curriculum.json'), 'utf8')));
    const file = join(folder.path, 'escaped.html');
    await plan('<b>.json', '--html', file);
    const html = readFileSync(file, 'utf8');
    expect(html).not.toContain('<b>');
    expect(html).not.toMatch(/<script|<link|NaN|undefined|Infinity/);
    const charts = [...html.matchAll(/role="img" aria-labelledby="(\S+) (\S+)"/g)];
    expect(charts).toHaveLength(4);
    for (const [, title] of charts) expect(html).toContain(`<title id="${title}">`);
    expect(html.match(/<summary>Numbers<\/summary>/g)).toHaveLength(4);
  });
});
