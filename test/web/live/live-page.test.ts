// The live page in a real browser, while a real loader runs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WatchedRun } from '../../monitor/dashboard/watched-run.js';
import { connectBrowser, executablePath, openPage } from '../../setup/browser.js';
import { isLong } from '../../setup/search-size.js';

const pagePath = fileURLToPath(new URL('../../../dist/web/live/page.html', import.meta.url));
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

it('the page is one file of less than 150 kB, gzipped, that names nothing elsewhere', () => {
  const page = readFileSync(pagePath);
  expect(gzipSync(page).length).toBeLessThan(150_000);
  expect(page.toString()).not.toMatch(/(src|href)="(https?:)?\/\/|@import|url\(/);
});

describe.skipIf(!executablePath)('the live page', () => {
  let browser: Browser;
  const runs: WatchedRun[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    browser = await connectBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await Promise.all(runs.splice(0).map((run) => run.kill()));
    problems.length = 0;
  });

  async function start(options: object = {}): Promise<WatchedRun> {
    const run = await WatchedRun.start(options);
    runs.push(run);
    return run;
  }

  async function open(
    url: string,
    options: { colorScheme?: 'light' | 'dark'; width?: number } = {},
  ): Promise<Page> {
    const { colorScheme = 'light', width = 1280 } = options;
    const page = await openPage(browser, { colorScheme, viewport: { width, height: 900 } });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** Waits until the page has everything to show. */
  async function filled(page: Page): Promise<void> {
    await page.waitForFunction(
      () =>
        document.querySelector('#state')?.textContent === 'Running' &&
        document.querySelector('#speed svg') &&
        document.querySelector('#timeline svg') &&
        document.querySelector('#stages dl') &&
        document.querySelector('#curriculum svg') &&
        document.querySelector('#peek canvas') &&
        document.querySelector('#problems table'),
    );
  }

  const figure = (page: Page, name: string) =>
    page.locator('#figures > div').filter({ hasText: name }).locator('dd').innerText();

  it('shows values that change as the loader goes on, and no errors in the console', async () => {
    const { url } = await start();
    const page = await open(url);
    await filled(page);
    const samples = async (): Promise<number> =>
      Number(/([\d,]+) so far/.exec(await figure(page, 'Samples per second'))![1]!.replaceAll(',', ''));
    const before = await samples();
    const difficulty = () => page.locator('#curriculum svg').getAttribute('aria-label');
    const admitted = await difficulty();
    await page.waitForFunction(
      ([text, label]) =>
        document.querySelector('#figures dd')!.textContent !== text &&
        document.querySelector('#curriculum svg')!.getAttribute('aria-label') !== label,
      [await figure(page, 'Samples per second').then((text) => text.replace('\n', '')), admitted],
    );
    expect(await samples()).toBeGreaterThan(before);
    expect(await figure(page, 'Tokens per second')).toMatch(/^[\d.,K]+\n[\d.,KM]+ so far$/);
    expect(admitted).toMatch(/^seqlen up to \d+: \d+(\.\d)? % of the samples are admitted$/);
    expect(problems).toEqual([]);
  });

  it.each([0, 160])('says that the trainer waits while sample %i does not come', async (stallsAt) => {
    const { url } = await start({ stallsAt });
    const page = await open(url);
    await page.waitForFunction(() =>
      document.querySelector('#verdict')!.textContent!.startsWith('The trainer has been waiting for'),
    );
    const which = stallsAt === 0 ? 'the first' : 'a';
    expect(await page.locator('#verdict').innerText()).toMatch(
      new RegExp(`^The trainer has been waiting for ${which} batch for [\\d.]+ s\\.$`),
    );
    expect(await page.locator('#state').innerText()).toBe('Waiting for data');
    expect(await figure(page, 'Waiting for data')).toMatch(/^100 %/);
    const waiting = () => page.locator('#waiting svg').getAttribute('aria-label');
    await page.waitForFunction(() => document.querySelector('#waiting svg'));
    expect(await waiting()).toBe('Waiting for data over time, now 100 %');
    expect(problems).toEqual([]);
  });

  it('says of a run that left samples out that it did, and ends its charts where it ended', async () => {
    const { url } = await start({ batches: 400 });
    const page = await open(url);
    await page.waitForFunction(() => document.querySelector('#state')!.textContent === 'Finished');
    const verdict = await page.locator('#verdict').innerText();
    expect(verdict).toMatch(
      /^[\d,]+ samples were skipped, \d+(\.\d)? % of all\. The reasons are listed below\./,
    );
    expect(verdict).not.toContain('keeps up');
    for (const chart of ['#waiting svg', '#speed svg']) {
      const labels = await page.locator(chart).locator('text').allTextContents();
      expect(labels).not.toContain('now');
      expect(labels.at(-1)).toMatch(/^\d\d:\d\d:\d\d$/);
    }
    const ran = await page.locator('#run').innerText();
    expect(ran).toMatch(/, ran for /);
    expect(await figure(page, 'Samples per second')).toMatch(/^[1-9]/);
  });

  it('says how many numbers are not finite', async () => {
    const { url } = await start({ stallsAt: 4000, stepMs: 20 });
    const page = await open(url);
    await page.waitForFunction(() => document.querySelector('#peek .bad'));
    expect(await page.locator('#peek .bad').first().innerText()).toBe('8 NaN of 16 elements');
  });

  it('shows what is in a batch: text as text, pixels as the loader has them, numbers', async () => {
    const { url } = await start();
    const page = await open(url);
    await filled(page);
    expect(await page.locator('#peek blockquote').first().innerText()).toMatch(
      /^<b>sample<\/b> \d+ & its stripes$/,
    );
    expect(await page.locator('#peek b').count()).toBe(0);
    const first = await page
      .locator('#peek canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, 2, 1);
        return {
          width: canvas.width,
          height: canvas.height,
          rgb: [...data.slice(0, 3), ...data.slice(4, 7)],
        };
      });
    expect([first.width, first.height]).toEqual([32, 24]);
    // Seven more from byte to byte: see test/fixtures/watched-data.js.
    for (const [k, value] of first.rgb.entries()) expect(value).toBe((first.rgb[0]! + 7 * k) % 256);
    await expect(page.locator('#problems').innerText()).resolves.toContain('the JPEG data ends early');
  });

  it('connects again after the process was killed and another was started, and shows that one alone', async () => {
    const first = await start();
    const page = await open(first.url);
    await filled(page);
    const oldProcess = await page.locator('#run').innerText();
    await first.kill();
    await page.waitForFunction(() =>
      document.querySelector('#state')!.textContent!.startsWith('Disconnected'),
    );
    // What was known last stays to be looked at.
    expect(await page.locator('#peek canvas').count()).toBeGreaterThan(0);
    await start({ port: first.port });
    await filled(page);
    const newProcess = await page.locator('#run').innerText();
    expect(/process \d+/.exec(newProcess)![0]).not.toBe(/process \d+/.exec(oldProcess)![0]);
    expect(await page.locator('#ranks').isHidden()).toBe(true);
    // The browser itself reports the connection that was refused; the page does not.
    expect(problems.filter((text) => !text.includes('net::ERR'))).toEqual([]);
  });

  it('has all ranks in a table, and the one that is chosen in the panels', async () => {
    const first = await start({ rank: 0, worldSize: 2 });
    await start({ rank: 1, worldSize: 2, port: first.port });
    const page = await open(first.url);
    await page.locator('#ranks button').nth(1).waitFor();
    expect(await page.locator('#all-ranks tbody th').allInnerTexts()).toEqual(['Rank 0', 'Rank 1']);
    await page.locator('#ranks button', { hasText: 'Rank 1' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('#run')!.textContent!.includes('rank 1 of 2'));
    const pressed = page.locator('#ranks button[aria-pressed=true]');
    expect(await pressed.innerText()).toBe('Rank 1');
    // Updates come twice a second, and must not take the focus away.
    await page.waitForFunction(() => document.querySelectorAll('#speed svg').length > 0);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Rank 1');
  });

  it('says when the run has finished', async () => {
    const { url } = await start({ batches: 150 });
    const page = await open(url);
    await page.waitForFunction(() => document.querySelector('#state')!.textContent === 'Finished');
    expect(await page.locator('#state').evaluate((state) => state.tagName)).toBe('OUTPUT');
  });

  const narrowAndWide = [
    ['light', 1280],
    ['dark', 390],
  ] as const;
  const others = [
    ['dark', 1280],
    ['light', 390],
  ] as const;
  it.each([...narrowAndWide, ...(isLong ? others : [])])(
    'has no flaw that axe finds, and nothing beside the screen: %s, %i pixels',
    async (colorScheme, width) => {
      const { url } = await start();
      const page = await open(url, { colorScheme, width });
      await filled(page);
      await page.locator('summary').first().click();
      // The page's policy keeps scripts of others out; the test puts axe in through the browser itself.
      const session = await page.context().newCDPSession(page);
      await session.send('Page.setBypassCSP', { enabled: true });
      await page.reload();
      await filled(page);
      await page.addScriptTag({ path: axePath });
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
      );
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual(
        [],
      );
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    },
  );
});
