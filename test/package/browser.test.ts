// The core in a real browser: bundled as an application would bundle it, it gives the order that it gives here.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { DataLoader, TensorDataset, tensor } from 'millrace';
import { chromium } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';
import { collect } from '../loader/collect.js';

// Set by `npm test`, which installs a browser or says how; with CI=true a missing one has ended the run before this.
const executablePath = process.env.MILLRACE_CHROMIUM;

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('../fixtures/browser-order.js', import.meta.url));
  const { output } = (await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, rolldownOptions: { input: entry, output: { codeSplitting: false } } },
  })) as Rolldown.RolldownOutput;
  return output[0].code;
}

it.skipIf(!executablePath)('the core gives the same batches in a browser as in Node.js', async () => {
  const code = await bundle();
  const server = createServer((request, response) => {
    const isScript = request.url === '/bundle.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript ? code : '<!doctype html><title>-</title><script type="module" src="/bundle.js"></script>',
    );
  }).listen(0, '127.0.0.1');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'batches' in globalThis);
    const batches = await page.evaluate(() => (globalThis as unknown as { batches: number[][] }).batches);
    expect(problems).toEqual([]);

    const dataset = new TensorDataset({ x: tensor(Float32Array.from({ length: 600 }, (_, i) => i)) });
    const loader = new DataLoader(dataset, {
      batchSize: 32,
      shuffle: true,
      seed: 11,
      collate: (samples) => ({ data: samples.map(({ x }) => x.data[0]!) }),
    });
    expect(batches).toEqual(await collect(loader));
  } finally {
    await browser.close();
    server.close();
  }
});
