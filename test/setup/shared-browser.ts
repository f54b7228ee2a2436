import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BrowserServer, chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';

/** Starts one browser for all test files when the first asks for it, and stops it after the last. */
export default async function shareBrowser({ config, provide }: TestProject): Promise<() => Promise<void>> {
  let browser: Promise<BrowserServer> | undefined;
  const start = () =>
    chromium.launchServer({
      executablePath: config.env.MILLRACE_CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu'],
      timeout: 0,
    });
  const server = createServer(async (_request, response) => {
    try {
      browser ??= start();
      response.end((await browser).wsEndpoint());
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  provide('browserUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await (await browser)?.close();
  };
}
