// Test pages: bundled by esbuild without a plugin, as an application would be, served with and without the headers
// that isolate a page, and opened in a real browser.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { connectBrowser, openPage } from '../setup/browser.js';

export { executablePath } from '../setup/browser.js';

const repository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export type Files = ReadonlyMap<string, Uint8Array>;

/**
 * Bundles each script into a file with its own name, including `millrace/worker`, which every application has to
 * bundle.
 */
export async function bundle(entries: Readonly<Record<string, string>>): Promise<Files> {
  const { outputFiles } = await build({
    entryPoints: { 'millrace-worker': 'millrace/worker', ...entries },
    absWorkingDir: repository('test'),
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: repository('bundle'),
    write: false,
    logLevel: 'error',
  });
  return new Map(
    outputFiles.map(({ path, contents }) => [path.slice(repository('bundle').length), contents]),
  );
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.html': 'text/html',
  '.json': 'application/json',
};

/** Headers that make a page cross-origin isolated, so that it can share memory. */
export const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
} as const;

export interface PageOptions {
  readonly files: Files;
  /** The page's script. */
  readonly script: string;
  readonly isolated: boolean;
  /** Handles requests that are not for a file. */
  readonly onRequest?: RequestListener;
}

/** A page with its own server. */
export class TestPage {
  readonly origin: string;
  readonly page: Page;
  /** Uncaught errors. */
  readonly problems: string[] = [];
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(origin: string, page: Page, server: Server, browser: Browser) {
    this.origin = origin;
    this.page = page;
    this.#server = server;
    this.#browser = browser;
    page.on('pageerror', (error) => this.problems.push(String(error)));
  }

  static async open({ files, script, isolated, onRequest }: PageOptions): Promise<TestPage> {
    const html = `<!doctype html><title>test</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;
    const server = createServer((request, response) => {
      const path = new URL(request.url!, 'http://server').pathname;
      for (const [name, value] of Object.entries(isolated ? isolation : {})) response.setHeader(name, value);
      const content =
        path === '/'
          ? html
          : path.startsWith('/fixtures/')
            ? fixture(path.slice('/fixtures/'.length))
            : files.get(path);
      if (content !== undefined) {
        response.setHeader(
          'content-type',
          path === '/' ? 'text/html' : (types[extname(path)] ?? 'application/octet-stream'),
        );
        response.end(content);
      } else if (onRequest) onRequest(request, response);
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const browser = await connectBrowser();
    const page = await openPage(browser);
    const opened = new TestPage(origin, page, server, browser);
    await opened.page.goto(origin);
    await opened.page.waitForFunction(() => 'tests' in globalThis);
    return opened;
  }

  /** Calls a function that the page's script has set in `globalThis.tests`. */
  call<R>(name: string, ...args: readonly unknown[]): Promise<R> {
    return this.page.evaluate(
      ([test, given]) =>
        (globalThis as unknown as { tests: Record<string, (...given: unknown[]) => unknown> }).tests[test]!(
          ...given,
        ),
      [name, args] as const,
    ) as Promise<R>;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function fixture(name: string): Uint8Array | undefined {
  try {
    return readFileSync(repository(`test/fixtures/${name}`));
  } catch {
    return undefined;
  }
}
