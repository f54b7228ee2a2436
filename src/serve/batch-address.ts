import { ConfigError, type ConfigProblem } from '../core/errors.js';
import type { LoaderPosition } from '../loader/order/loader-position.js';

/** Which part of each global batch a client gets. */
export interface ClientRank {
  readonly rank: number;
  readonly worldSize: number;
}

/** The place of a batch in a run. Numbers count from 0. */
export type BatchAddress = Required<LoaderPosition>;

/** Reads `EPOCH/STEP/MICRO` of a path. @throws {@link ConfigError} naming each part that is not a whole number */
export function parseAddress(parts: readonly string[]): BatchAddress {
  const problems: ConfigProblem[] = [];
  const [epoch = '', step = '', microBatch = ''] = parts;
  const address = {
    epoch: wholeNumber('epoch', epoch, problems),
    step: wholeNumber('step', step, problems),
    microBatch: wholeNumber('microBatch', microBatch, problems),
  };
  if (problems.length > 0) throw new ConfigError('The address of a batch', problems);
  return address;
}

/** Reads `rank` and `world` of a query. @throws {@link ConfigError} naming the one at fault */
export function parseRank(query: URLSearchParams): ClientRank {
  const problems: ConfigProblem[] = [];
  const rank = wholeNumber('rank', query.get('rank') ?? '0', problems);
  const worldSize = wholeNumber('world', query.get('world') ?? '1', problems);
  if (problems.length === 0 && rank >= worldSize)
    problems.push({ field: 'rank', message: `${rank} is outside 0 … world - 1 (world ${worldSize})` });
  if (problems.length > 0) throw new ConfigError('The rank of a client', problems);
  return { rank, worldSize };
}

function wholeNumber(field: string, text: string, problems: ConfigProblem[]): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    problems.push({ field, message: `must be a whole number of 0 or more, not ${JSON.stringify(text)}` });
  return value;
}
