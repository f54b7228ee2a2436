// The documentation site, built as `npm run docs` does: whole, without dead links, and readable from the disk.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBrowser, executablePath, openPage } from '../setup/browser.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const filesUnder = (folder: string, ending: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file));

/** The folder of all versions, and that of this one. */
let versions: string;
let site: string;
let said: string;

beforeAll(async () => {
  versions = mkdtempSync(join(tmpdir(), 'millrace-site-'));
  site = join(versions, version);
  // Older versions, and a newer one, as their builds left them.
  for (const other of ['0.0.9', '0.0.10', '99.0.0-rc.1']) {
    mkdirSync(join(versions, other));
    writeFileSync(join(versions, other, 'index.html'), `This is ${other}.`);
  }
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  const build = [path('../../scripts/docs.js'), '--out', versions];
  const built = await promisify(execFile)(process.execPath, build, { env });
  said = built.stdout + built.stderr;
});
afterAll(() => rmSync(versions, { recursive: true, force: true }));

describe('the documentation site', () => {
  it('builds without warnings', () => {
    expect(said).toBe(`The site is ${versions}/index.html\n`);
  });

  it('has no dead links', () => {
    const pages = new Map(filesUnder(versions, '.html').map((file) => [file, readFileSync(file, 'utf8')]));
    expect(pages.size).toBeGreaterThan(100);
    const idsOf = new Map([...pages].map(([file, html]) => [file, idsIn(html)]));
    const isThere = (file: string, anchor: string) =>
      anchor && pages.has(file) ? idsOf.get(file)!.has(anchor) : existsSync(file);
    const dead = [...pages].flatMap(([page, html]) =>
      linksIn(html)
        .map((link) => ({ link, target: targetOf(page, link) }))
        .filter(({ target: { file, anchor } }) => !isThere(file, anchor))
        .map(({ link }) => `${page.slice(versions.length)}: ${link}`),
    );
    expect(dead).toEqual([]);
  });

  it('has every page of docs/ and every entry point of the package', () => {
    const pages = filesUnder(path('../../docs'), '.md').map((file) =>
      file.slice(path('../../docs/').length, -3),
    );
    expect(pages.length).toBeGreaterThan(30);
    for (const page of pages)
      expect(filesUnder(join(site, 'pages'), '.html')).toContain(join(site, 'pages', `${page}.html`));
    const { exports } = JSON.parse(readFileSync(path('../../package.json'), 'utf8'));
    const modules = Object.keys(exports)
      .filter((subpath) => subpath !== './package.json')
      .map((subpath) => `millrace${subpath.slice(1).replace('/', '_')}.html`);
    // A namespace of an entry point, such as `functional`, has a page of its own: `millrace_images.functional.html`.
    const found = readdirSync(join(site, 'modules')).filter((file) => file.split('.').length === 2);
    expect(found.sort()).toEqual(modules.sort());
  });

  it('explains the meaning, origin and remedy of every error code', () => {
    const codes = new Set(
      filesUnder(path('../../src'), '.ts').flatMap(
        (file) => readFileSync(file, 'utf8').match(/ERR_MILLRACE_[A-Z_]*[A-Z]/g) ?? [],
      ),
    );
    expect(codes.size).toBeGreaterThan(15);
    const html = readFileSync(join(site, 'pages/troubleshooting.html'), 'utf8');
    const entries = new Map(
      html
        .split('<h2 ')
        .map((entry) => [entry.match(/^id="([^"]+)"/)?.[1], entry.replaceAll(/<[^>]+>/g, ' ')]),
    );
    const serving = readFileSync(join(site, 'pages/serve.html'), 'utf8');
    for (const code of codes) {
      // What a server refuses has no class of its own.
      if (code.startsWith('ERR_MILLRACE_SERVE')) {
        expect(serving).toContain(`<code>${code}</code>`);
        continue;
      }
      expect(
        entries.get(code.toLowerCase()),
        `${code}: its class needs @origin and @remedy in the docstring`,
      ).toMatch(/Error\s*: .{20}[\s\S]*Where it comes from\.\s.{20}[\s\S]*What to do\.\s.{20}/);
    }
  });

  it('lists its versions, the newest first, and starts with that', () => {
    const listed = ['99.0.0-rc.1', version, '0.0.10', '0.0.9'];
    const script = readFileSync(join(versions, 'versions.js'), 'utf8');
    expect(script).toBe(`globalThis.millraceVersions = ${JSON.stringify(listed)};\n`);
    const first = readFileSync(join(versions, 'index.html'), 'utf8');
    expect(first).toContain('http-equiv="refresh" content="0; url=99.0.0-rc.1/index.html"');
    expect(linksIn(first)).toEqual(listed.map((name) => `${name}/index.html`));
  });

  it.skipIf(!executablePath)('can be read and searched from disk in a browser', async () => {
    const browser = await connectBrowser();
    try {
      const page = await openPage(browser, { viewport: { width: 390, height: 800 } });
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(String(error)));
      await page.goto(String(pathToFileURL(join(site, 'pages/data.html'))));
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 1300, height: 800 });
      await page.click('#tsd-nav-container >> text=Resume');
      await page.waitForURL(/pages\/guides\/resume\.html$/);
      await page.click('#tsd-search-trigger');
      await page.fill('#tsd-search-input', 'loadStateDict');
      await page.click('#tsd-search-results a >> nth=0');
      await page.waitForURL(/loadstatedict/i);
      await page.click('#tsd-search-trigger');
      await page.fill('#tsd-search-input', 'ERR_MILLRACE_CONFIG');
      await page.click('#tsd-search-results a >> nth=0');
      await page.waitForURL(/pages\/troubleshooting\.html/);
      expect(problems).toEqual([]);

      for (const width of [1280, 420]) {
        await page.setViewportSize({ width, height: 800 });
        await page.goto(String(pathToFileURL(join(site, 'pages/guides/resume.html'))));
        const menu = page.locator('#site-versions');
        expect(await menu.inputValue()).toBe(version);
        expect(await page.locator('.tsd-toolbar-contents > *').evaluateAll(overlaps)).toEqual([]);
        await menu.selectOption('0.0.10');
        await page.waitForURL(String(pathToFileURL(join(versions, '0.0.10/index.html'))));
      }
      await page.goto(String(pathToFileURL(join(versions, 'index.html'))));
      await page.waitForURL(String(pathToFileURL(join(versions, '99.0.0-rc.1/index.html'))));
    } finally {
      await browser.close();
    }
  });
});

function idsIn(html: string): Set<string> {
  return new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!));
}

/** Links to other files of the site, and to places in the same one. */
function linksIn(html: string): string[] {
  return [...html.matchAll(/ (?:href|src)="([^"]+)"/g)]
    .map(([, link]) => link!.replaceAll('&amp;', '&'))
    .filter((link) => !/^[a-z]+:/.test(link) && !link.startsWith('#icon-'));
}

function targetOf(page: string, link: string): { file: string; anchor: string } {
  const [relative = '', anchor = ''] = link.split('#').map(decodeURIComponent);
  return { file: relative ? resolve(dirname(page), relative) : page, anchor };
}

/** Where an element is in its page. */
interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly width: number;
}

/** Pairs of elements that cover each other, of those that are shown. */
function overlaps(elements: { getBoundingClientRect(): Box }[]): string[] {
  const boxes = elements.map((element) => element.getBoundingClientRect()).filter(({ width }) => width > 0);
  return boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom && b.top < a.bottom)
      .map((b) => `${a.left}…${a.right} and ${b.left}…${b.right}`),
  );
}
