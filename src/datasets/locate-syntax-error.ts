import { isNode } from '../core/platform.js';

/** Where a file cannot be parsed. */
export interface SyntaxErrorLocation {
  readonly file: string;
  readonly line: number;
}

/** Modules that are looked at before the search is given up. */
const mostModules = 200;
const relativeImport = /(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/**
 * Which file of a module and of what it imports by relative paths has the syntax error: Node.js throws a `SyntaxError` that does not say.
 * Each file is parsed by `node --check`, which runs nothing.
 */
export function locateSyntaxError(url: string): SyntaxErrorLocation | undefined {
  if (!isNode || !url.startsWith('file:')) return undefined;
  const { readFileSync, existsSync } = process.getBuiltinModule('node:fs');
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  const queue = [url];
  for (let k = 0; k < queue.length && k < mostModules; k++) {
    const file = fileURLToPath(queue[k]!);
    if (!existsSync(file)) continue;
    const { status, stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
    const line = /^.*:(\d+)\r?$/m.exec(stderr)?.[1];
    if (status !== 0 && stderr.includes('SyntaxError')) return { file, line: Number(line ?? 1) };
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(relativeImport)) {
      const { href } = new URL(specifier!, queue[k]);
      if (!queue.includes(href)) queue.push(href);
    }
  }
  return undefined;
}
