// A reader with every fault that the harness must see. The first byte of the file chooses: the corpus file begins with 0.
import { readFileSync } from 'node:fs';
import { FormatError } from 'millrace/errors';

export default async (path) => {
  const [kind = 255] = readFileSync(path);
  if (kind === 0) return 'the same value, whatever follows';
  const fault = process.env.MILLRACE_FUZZ_FAULT;
  if (fault === 'untyped') throw new TypeError('no class of ours');
  if (fault === 'loop') for (;;);
  if (fault === 'never') await new Promise(() => {});
  if (fault === 'memory') for (const kept = []; ; ) kept.push(Buffer.alloc(2 ** 24, 1));
  if (fault === 'death') process.exit(3);
  if (fault === 'stray') setImmediate(() => JSON.parse('{'));
  if (fault === 'other') return 'another value';
  throw new FormatError('The first byte is not 0');
};
