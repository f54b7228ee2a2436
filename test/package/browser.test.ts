// The loader in a real browser, bundled as an application would bundle it, with no optional peer installed: it gives the order that it
// gives here, on the page and in workers.
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { DataLoader, TensorDataset, tensor } from 'millrace';
import type { Browser } from 'playwright-core';
import { build, createServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { collect } from '../loader/collect.js';
import { connectBrowser, executablePath, openPage } from '../setup/browser.js';
import { isLong } from '../setup/search-size.js';
import { install } from './install.js';

type Orders = Readonly<Record<'0' | '2', readonly (readonly number[])[]>> & { readonly missing: string };

const missingPeer =
  /^ERR_MILLRACE_MISSING_PEER: The tokenizer o200k_base needs the package gpt-tokenizer, which is not on this page .*provideModules/;

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
    root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-page-')));
    install(root);
    cpSync(fileURLToPath(new URL('../fixtures/browser-order.js', import.meta.url)), join(root, 'page.js'));
    writeFileSync(
      join(root, 'index.html'),
      '<!doctype html><title>-</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    );
    browser = await connectBrowser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function ordersAt(url: string): Promise<Orders> {
    const page = await openPage(browser);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(url);
    await Promise.race([page.waitForFunction(() => 'orders' in globalThis), page.waitForEvent('pageerror')]);
    expect(problems).toEqual([]);
    return page.evaluate(() => (globalThis as unknown as { orders: Orders }).orders);
  }

  /** Serves a folder and opens its page. */
  async function expectOrders(outDir: string): Promise<void> {
    cpSync(join(root, 'index.html'), join(root, outDir, 'index.html'), { force: outDir !== 'dist' });
    const server = await preview({ root, configFile: false, build: { outDir }, preview: { port: 0 } });
    try {
      const orders = await ordersAt(server.resolvedUrls!.local[0]!);
      expect(orders[0]).toEqual(await expected());
      expect(orders[2]).toEqual(orders[0]);
      expect(orders.missing).toMatch(missingPeer);
    } finally {
      await server.close();
    }
  }

  it('built by Vite returns the batches of Node.js, on the page and in workers', async () => {
    await build({ root, configFile: false, logLevel: 'silent' });
    await expectOrders('dist');
  });

  it('built by esbuild returns the same', async () => {
    const { warnings } = await esbuild.build({
      entryPoints: { page: join(root, 'page.js'), 'millrace-worker': 'millrace/worker' },
      absWorkingDir: root,
      outdir: join(root, 'esbuild'),
      bundle: true,
      splitting: true,
      format: 'esm',
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    await expectOrders('esbuild');
  });

  it('built by webpack as in docs/browser.md returns the same', async () => {
    const millrace = join(root, 'node_modules/millrace');
    const { browser } = JSON.parse(readFileSync(join(millrace, 'package.json'), 'utf8')) as {
      browser: Record<string, string>;
    };
    const problems = await new Promise((resolve, reject) => {
      webpack(
        {
          context: root,
          entry: './page.js',
          mode: 'production',
          output: { path: join(root, 'webpack'), filename: 'page.js' },
          performance: false,
          // Takes most of the time. The build by Vite is minified in every run.
          optimization: { minimize: isLong },
          plugins: [
            new webpack.NormalModuleReplacementPlugin(/^node:/, (module: { request: string }) => {
              const standIn = browser[module.request];
              if (standIn) module.request = join(millrace, standIn);
            }),
          ],
        },
        (error, stats) => {
          if (error) reject(error);
          else resolve(stats!.toJson({ all: false, errors: true, warnings: true }));
        },
      );
    });
    expect(problems).toMatchObject({ errors: [] });
    await expectOrders('webpack');
  });

  it('served by Vite during development returns the same', async () => {
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
      expect(orders.missing).toMatch(missingPeer);
    } finally {
      await server.close();
    }
  });
});
