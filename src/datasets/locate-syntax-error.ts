import { isNode } from '../core/platform.js';

/** The location of a syntax error. */
export interface SyntaxErrorLocation {
  readonly file: string;
  readonly line: number;
}

/** Most modules that the search parses. */
const mostModules = 200;
const relativeImport = /(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/**
 * Finds the file with a syntax error among a module and its relative imports: the `SyntaxError` of Node.js does not name
 * the file. `node --check` parses each file without running it.
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
