import { InvalidArgumentError } from 'commander';

const units = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1e3],
  ['m', 1e6],
  ['g', 1e9],
  ['t', 1e12],
]);

/** Parses an amount of memory: `512MB`, `2GB`, `1.5g`. A kilobyte is 1,000 bytes, a `KiB` 1,024. */
export function byteCount(text: string): number {
  const [, number, unit = '', binary] = /^([\d.]+)\s*([bkmgt]?)(i?)b?$/i.exec(text.trim()) ?? [];
  const power = 'bkmgt'.indexOf(unit.toLowerCase());
  const scale = binary ? 1_024 ** Math.max(0, power) : units.get(unit.toLowerCase())!;
  const bytes = Math.round(Number(number) * scale);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError('It must be an amount of memory such as 512MB or 2GB.');
}
