// The loader in a real browser, packed by Vite with no plugin and no configuration as an application would pack it: it gives the order
// that it gives here, on the page and in workers.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, TensorDataset, tensor } from 'millrace';
import { type Browser, chromium } from 'playwright-core';
import { build, createServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../loader/collect.js';
import { install } from './install.js';

// Set by `npm test`, which installs a browser or says how; with CI=true a missing one has ended the run before this.
const executablePath = process.env.MILLRACE_CHROMIUM;

type Orders = Readonly<Record<'0' | '2', readonly (readonly number[])[]>>;

function expected(): Promise<number[][]> {
  const dataset = new TensorDataset({ x: tensor(Float32Array.from({ length: 600 }, (_, i) => i)) });
  const collate = (samples: readonly { x: { data: Float32Array } }[]) => ({
    data: samples.map(({ x }) => x.data[0]!),
  });
  return collect(new DataLoader(dataset, { batchSize: 32, shuffle: true, seed: 11, collate }));
}

describe.skipIf(!executablePath)('an application', () => {
  let root: string;
  let browser: Browser;
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'millrace-vite-'));
    install(root);
    cpSync(fileURLToPath(new URL('../fixtures/browser-order.js', import.meta.url)), join(root, 'page.js'));
    writeFileSync(
      join(root, 'index.html'),
      '<!doctype html><title>-</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    );
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function ordersAt(url: string): Promise<Orders> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(url);
    await Promise.race([
      page.waitForFunction(() => 'orders' in globalThis),
      page.waitForEvent('pageerror', { timeout: 60_000 }).catch(() => undefined),
    ]);
    expect(problems).toEqual([]);
    return page.evaluate(() => (globalThis as unknown as { orders: Orders }).orders);
  }

  it('built by Vite gives the batches of Node.js, on the page and in workers', async () => {
    await build({ root, configFile: false, logLevel: 'silent' });
    const server = await preview({ root, configFile: false, preview: { port: 0 } });
    try {
      const orders = await ordersAt(server.resolvedUrls!.local[0]!);
      expect(orders[0]).toEqual(await expected());
      expect(orders[2]).toEqual(orders[0]);
    } finally {
      await server.close();
    }
  });

  it('served by Vite during development gives the same', async () => {
    const server = await createServer({
      root,
      configFile: false,
      logLevel: 'silent',
      server: { port: 0, fs: { strict: false } },
    });
    try {
      await server.listen();
      const orders = await ordersAt(server.resolvedUrls!.local[0]!);
      expect(orders[0]).toEqual(await expected());
      expect(orders[2]).toEqual(orders[0]);
    } finally {
      await server.close();
    }
  });
});
