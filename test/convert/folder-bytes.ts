import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Names and hashes of all files at or below a path, to compare outputs. */
export function bytesOf(path: string, name = ''): Record<string, string> {
  if (!existsSync(path)) return {};
  if (statSync(path).isFile())
    return { [name]: createHash('sha256').update(readFileSync(path)).digest('hex') };
  return Object.assign(
    {},
    ...readdirSync(path).map((entry) => bytesOf(join(path, entry), `${name}/${entry}`)),
  );
}
