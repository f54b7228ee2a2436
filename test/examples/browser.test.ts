// The browser example, built for production and run in a real browser.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';
import { expect, it } from 'vitest';
import { connectBrowser, executablePath, openPage } from '../setup/browser.js';

const root = fileURLToPath(new URL('../../examples/browser', import.meta.url));

it.skipIf(!executablePath)(
  'the browser example trains until the loss on held-out digits is below 0.25, from 2.3 at the start',
  async () => {
    const outDir = mkdtempSync(join(tmpdir(), 'millrace-example-'));
    const browser = await connectBrowser();
    await build({ root, build: { outDir, emptyOutDir: true }, logLevel: 'silent' });
    const server = await preview({ root, build: { outDir }, preview: { port: 0 } });
    try {
      const page = await openPage(browser, { viewport: { width: 1100, height: 860 } });
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(String(error)));
      await page.goto(server.resolvedUrls!.local[0]!);
      const number = async (id: string) => Number.parseFloat((await page.textContent(`#${id}`))!);
      await page.waitForFunction(
        `document.body.dataset.state === 'failed' || Number(document.getElementById('test-loss').textContent) > 0`,
      );
      expect(await page.textContent('#status')).toBe('Training');
      expect(await number('test-loss')).toBeGreaterThan(1.5);
      await page.waitForSelector('[data-state="trained"], [data-state="failed"]');
      if (process.env.MILLRACE_SCREENSHOT) await page.screenshot({ path: process.env.MILLRACE_SCREENSHOT });
      expect(problems).toEqual([]);
      expect(await page.textContent('#status')).toBe('Trained');
      expect(await number('test-loss')).toBeLessThan(0.25);
      expect(await number('accuracy')).toBeGreaterThan(92);
      expect(await page.textContent('#memory')).toBe('shared');
      expect(await page.textContent('#workers')).toMatch(/^2 × /);
    } finally {
      await browser.close();
      await server.close();
      rmSync(outDir, { recursive: true });
    }
  },
);
