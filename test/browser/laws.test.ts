// The laws of a loader in a real browser, compared with Node.js: order, seek and state of the same random
// configurations.
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { bundle, executablePath, type Files, TestPage } from './browser-page.js';
import { runLaws } from './laws.js';

// Starting the workers of a configuration takes most of its time.
const count = searchSize({ short: 10, long: 40 });
const page = fileURLToPath(new URL('page.js', import.meta.url));

describe.skipIf(!executablePath)('the laws in a browser', () => {
  let files: Files;
  let inNode: string[];
  beforeAll(async () => {
    files = await bundle({ page });
    inNode = await runLaws(new URL('../fixtures/', import.meta.url).href, count);
  });

  it.each([
    ['cross-origin isolated, with shared memory', true],
    ['not isolated, with transferred buffers', false],
  ])('hold, with the same bytes as in Node.js for every batch: %s', async (_, isolated) => {
    const test = await TestPage.open({ files, script: '/page.js', isolated });
    try {
      expect(await test.call('platform')).toEqual({ isolated, shared: isolated });
      expect(await test.call('runLaws', `${test.origin}/fixtures/`, count)).toEqual(inNode);
      expect(test.problems).toEqual([]);
    } finally {
      await test.close();
    }
  });
});
