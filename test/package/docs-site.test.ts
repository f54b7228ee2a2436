// The documentation site: every page is there and can be reached, every link leads somewhere, every error code is explained.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as millrace from 'millrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorClasses } from '../../scripts/docs/error-classes.js';
import { writePages } from '../../scripts/docs/pages.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

let out: string;
let written: ReturnType<typeof writePages>;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'millrace-site-'));
  written = writePages(root, out);
});
afterAll(() => rmSync(out, { recursive: true }));

const page = (name: string) => readFileSync(join(out, `${name}.html`), 'utf8');

describe('npm run docs', () => {
  it('writes pages whose links all lead somewhere', () => {
    expect(written.broken).toEqual([]);
    expect(written.pages).toBeGreaterThan(25);
  });

  it('names a link that leads nowhere', () => {
    const copy = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
    for (const name of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE', 'docs'])
      cpSync(join(root, name), join(copy, name), { recursive: true });
    mkdirSync(join(copy, 'src', 'core'), { recursive: true });
    cpSync(join(root, 'src', 'core', 'errors.ts'), join(copy, 'src', 'core', 'errors.ts'));
    writeFileSync(
      join(copy, 'docs', 'guides', 'new.md'),
      '# New\n\nSee [what is not there](../nowhere.md).\n',
    );
    expect(writePages(copy, join(copy, 'site')).broken).toEqual(['guides/new: nowhere.md']);
    // A page that no list names is listed all the same.
    expect(readFileSync(join(copy, 'site', 'index.html'), 'utf8')).toContain(
      '<a href="guides/new.html">New</a>',
    );
    rmSync(copy, { recursive: true });
  });

  it('leads from every page to every guide and to the reference, and marks the page that is read', () => {
    const resume = page('guides/resume');
    expect(resume).toContain('<a href="resume.html" aria-current="page">Resume a run</a>');
    expect(resume).toContain('<a href="../plan.html">');
    expect(resume).toContain('<a href="../api/index.html">Reference</a>');
    expect(resume).not.toMatch(/<script|src="http/);
  });
});

describe('troubleshooting', () => {
  const source = readFileSync(join(root, 'src', 'core', 'errors.ts'), 'utf8');

  it('explains every code of core/errors.ts, and no other', () => {
    const explained =
      readFileSync(join(root, 'docs', 'troubleshooting.md'), 'utf8').match(/^## (ERR_\w+)$/gm) ?? [];
    expect(explained.map((heading) => heading.slice(3)).sort()).toEqual(
      errorClasses(source)
        .map(({ code }) => code)
        .sort(),
    );
  });

  it('knows every class of errors that is exported', () => {
    const exported = Object.entries(millrace).filter(
      ([name, value]) =>
        typeof value === 'function' &&
        value.prototype instanceof millrace.MillraceError &&
        name !== 'MillraceError',
    );
    expect(
      errorClasses(source)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(exported.map(([name]) => name).sort());
  });

  it('says what the source says of each', () => {
    const { code, name, description } = errorClasses(source)[3]!;
    expect([code, name]).toEqual(['ERR_MILLRACE_COLLATE', 'CollateError']);
    expect(page('troubleshooting')).toContain(`<code>CollateError</code>: ${description.slice(0, 30)}`);
  });
});
