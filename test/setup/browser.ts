import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with the address of the shared browser. */
    readonly browserUrl: string;
  }
}

/**
 * Set by `npm test`, which installs a browser or explains how to. With CI=true, a missing one ends the run before this;
 * otherwise the tests that need it are skipped.
 */
export const executablePath = process.env.MILLRACE_CHROMIUM;

/** Connects to the browser that all test files share. Closing the connection closes the pages that it opened. */
export async function connectBrowser(): Promise<Browser> {
  const response = await fetch(inject('browserUrl'));
  const answer = await response.text();
  if (!response.ok) throw new Error(`The browser does not start: ${answer}`);
  return chromium.connect(answer);
}

/** Opens a page in a context of its own. Nothing that it waits for has a time limit. */
export async function openPage(browser: Browser, options?: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(0);
  return page;
}
