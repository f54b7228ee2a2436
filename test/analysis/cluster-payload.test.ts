import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { MillraceError } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { expect, it } from 'vitest';
import { version } from '../../dist/core/version.js';
import { AllowedModules } from '../../dist/parts/cluster/allowed-modules.js';
import { parseSpecification, readJob, readProgress } from '../../dist/parts/cluster/work-payload.js';

const url = (path: string) => pathToFileURL(path).href;

it.each([
  ['/srv/data.js', '/srv/data.js', true],
  ['/srv', '/srv/data.js', true],
  ['/srv/', '/srv/deep/data.js', true],
  ['/srv/*.js', '/srv/data.js', true],
  ['/srv/**/*.js', '/srv/a/b/data.js', true],
  ['/srv/*.js', '/srv/a/data.js', false],
  ['/srv/data.js', '/srv/data.json', false],
  ['/srv', '/srvx/data.js', false],
  ['/srv (1)', '/srv (1)/data.js', true],
  ['test/fixtures', join(process.cwd(), 'test/fixtures/squares.js'), true],
])('--allow %s and the module %s: %s', (pattern, path, isAllowed) => {
  const check = () => new AllowedModules([pattern]).check(url(path));
  if (isAllowed) expect(check).not.toThrow();
  else expect(check).toThrow(ConfigError);
});

it.each([
  'data:text/javascript,1',
  'node:child_process',
  'http://host/x.js',
  'blob:nodedata:1',
  'worker:data',
  '/srv/data.js',
  '../data.js',
  'file:///srv/../etc/x.js',
  'FILE:///etc/x.js',
  'file://host/srv/data.js',
  'file:///srv/%2e%2e/etc/x.js',
  'file:///srv/..%2fetc/x.js',
  '',
])('%s is never an allowed module, even if all of /srv is', (module) => {
  expect(() => new AllowedModules(['/srv', '/srv/**']).check(module)).toThrow();
  expect(() => new AllowedModules([]).check('file:///srv/data.js')).toThrow(/it lists none/);
});

it('a payload is what Millrace writes, or a typed error', () => {
  const object = fc.object({
    maxDepth: 3,
    key: fc.oneof(
      fc.constantFrom(
        '__proto__',
        'kind',
        'store',
        'id',
        'phase',
        'constructor',
        'phases',
        'millrace',
        'details',
      ),
      fc.string(),
    ),
  });
  const anything = fc.oneof(fc.anything(), object);
  const refusedOrSame = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(MillraceError);
    }
  };
  fc.assert(
    fc.property(anything, (data) => {
      refusedOrSame(() => readJob(data));
      refusedOrSame(() => parseSpecification(JSON.stringify(data) ?? '', '0'.repeat(32)));
      expect(typeof readProgress(data)).toBe('object');
    }),
  );
  const job = { kind: 'analysis', store: '/srv/out', id: 'a'.repeat(32), phase: 0 };
  expect(readJob({ ...job, part: 5 }).part).toBe(5);
  for (const bad of [
    { store: 'out' },
    { store: 'http://host/' },
    { id: '../../x' },
    { phase: -1 },
    { part: 0.5 },
    { kind: '__proto__' },
  ])
    expect(() => readJob({ ...job, ...bad })).toThrow(/The job is none of Millrace/);
});

it('a specification of another version, or of another analysis, says so', () => {
  const text = (millrace: string) => JSON.stringify({ millrace });
  expect(() => parseSpecification(text('0.0.1'), 'a')).toThrow(/another version of Millrace/);
  expect(() => parseSpecification(text(version), 'a')).toThrow(/is damaged \(field kind/);
});
