import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBrowser, executablePath, openPage } from '../setup/browser.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, ServeProcess, SocketFolder } from './server.js';

describe.skipIf(!executablePath)('the live page of a server', () => {
  const sockets = new SocketFolder();
  let server: ServeProcess;
  let page: Page;
  let close: () => Promise<void>;
  beforeAll(async () => {
    server = await ServeProcess.start(fixture('watched.js'), sockets.socket('watched'));
    const browser = await connectBrowser();
    page = await openPage(browser, {});
    close = () => browser.close();
  });
  afterAll(async () => {
    await close();
    await server.end();
    sockets.remove();
  });

  it('shows each client with its name, address, rank and batches', async () => {
    const headers = { 'millrace-client': 'a-client-by-hand-0001', 'millrace-client-name': 'by hand <b>' };
    const response = await ask(server.address, '/v1/loaders/train/0/0/0?rank=1&world=2', headers);
    expect(response.status).toBe(200);
    const python = new PythonClient();
    await python.read({ address: server.address, loader: 'train', limit: 5 });
    const url = /http:\S+/.exec(server.stderr)![0];
    await page.goto(url);
    // The page follows the server: the batch of one client is there, and five of the other.
    const rowOf = (name: string) => page.locator('#clients tbody tr').filter({ hasText: name });
    await rowOf('by hand').filter({ hasText: '–' }).waitFor();
    await rowOf('process')
      .locator('td:nth-of-type(4)', { hasText: /^([5-9]|\d{2,})$/ })
      .waitFor();
    const cells = (name: string) => rowOf(name).locator('th, td').allInnerTexts();
    const byHand = await cells('by hand');
    expect(byHand.slice(0, 3)).toEqual(['by hand <b>', 'unix socket', '1 of 2']);
    expect(byHand.slice(4)).toEqual(['1', '0', '–']);
    const [name, , rank] = await cells('process');
    expect(name).toMatch(/^process \d+ on \S+$/);
    expect(rank).toBe('0 of 1');
    await python.end();
  });
});
