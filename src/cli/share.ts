import { InvalidArgumentError } from 'commander';

/** Parses a share, `1%` or `0.01`: above 0, at most 1. */
export function shareOfAll(text: string): number {
  const [, number, percent] = /^([\d.]+)\s*(%?)$/.exec(text.trim()) ?? [];
  const share = Number(number) / (percent ? 100 : 1);
  if (share > 0 && share <= 1) return share;
  throw new InvalidArgumentError('It must be a share of the samples such as 1% or 0.01.');
}
