import { Command, InvalidArgumentError, Option } from 'commander';
import { estimateMap, mapDataset } from '../../convert/index.js';
import { cancelMap, type MapOptions } from '../../convert/map/map-dataset.js';
import type { MapFunction } from '../../convert/map/map-function.js';
import { intervalOf } from '../../convert/map/rate.js';
import { formatCount, formatDuration } from '../../web/kit/numbers.js';
import { canceledText } from '../convert/cluster-flags.js';
import { moduleFunction } from '../convert/module-function.js';
import { whileShown } from '../convert/show-conversion.js';
import {
  addInputFlags,
  addSelectionFlag,
  addWorkFlags,
  type WorkFlags,
  workOptions,
} from '../convert/work-flags.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../whole-number.js';

interface MapFlags extends WorkFlags {
  readonly fn: string;
  readonly output: string;
  readonly to: 'jsonl' | 'parquet';
  readonly concurrency?: number;
  readonly rate?: string;
  readonly tokenRate?: string;
  readonly batch?: number;
  readonly timeout?: number;
  readonly retries?: number;
  readonly maxFailures?: number;
  readonly partSamples?: number;
  readonly estimate?: boolean;
}

/** `millrace map`: calls a function with every sample. */
export function mapCommand(): Command {
  const command = new Command('map')
    .summary('call a function with every sample: label, translate or score data')
    .description(
      'Calls the asynchronous function of a module with every sample and writes the results in the order of the samples, one row a\n' +
        'sample. To continue after an interruption, repeat the command: finished parts are not called again.',
    )
    .argument('<data...>', 'files, folders, patterns, URLs')
    .requiredOption('--fn <module>', 'the function: ./label.ts, ./label.ts#score')
    .requiredOption('--output <folder>', 'a folder or s3: URL for the results')
    .addOption(
      new Option('--to <format>', 'format of the results').choices(['jsonl', 'parquet']).default('jsonl'),
    );
  addSelectionFlag(addInputFlags(command))
    .option('--concurrency <count>', 'calls at once (default: 16)', wholeNumber(1))
    .option('--rate <rate>', 'most calls in a time: 600/min, 10/s', rateOf)
    .option('--token-rate <rate>', 'most tokens in a time, as the function reports them: 90000/min', rateOf)
    .option(
      '--batch <count>',
      'call the function with lists of this many samples (default: one sample, not in a list)',
      wholeNumber(1),
    )
    .option('--timeout <seconds>', 'seconds after which a call has failed (default: 120)', wholeNumber(1))
    .option('--retries <count>', 'further attempts after a failure that passes (default: 5)', wholeNumber(0))
    .option('--max-failures <count>', 'samples that may fail (default: 0)', wholeNumber(0))
    .option('--part-samples <count>', 'samples of a part (default: 1,000)', wholeNumber(1))
    .option('--estimate', 'call 1 % of the samples, print what all would take, and exit')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace map raw/*.jsonl --fn ./label.ts --output labels --rate 600/min --estimate',
        '  millrace map raw/*.jsonl --fn ./label.ts --output labels --rate 600/min --max-failures 100',
      ].join('\n'),
    );
  const threads = 'threads; limits hold for each (default: 0, the main thread)';
  return addWorkFlags(command, 'map', threads).action(run);
}

function rateOf(text: string): string {
  if (intervalOf(text) !== undefined) return text;
  throw new InvalidArgumentError('Write it as calls or tokens in a time: 600/min, 10/s, 5000/h.');
}

async function run(data: string[], flags: MapFlags): Promise<void> {
  const { json, to } = flags;
  const progress = createProgress({ stream: process.stderr, json });
  const fn = moduleFunction<MapFunction>('millrace map', '--fn', flags.fn);
  const options = optionsOf(flags, (refusal) => progress.line(`refused by ${refusal}`));
  if (flags.cancel) {
    process.stdout.write(canceledText('map', await cancelMap(data, fn, options), json));
    return;
  }
  if (flags.estimate) {
    const estimate = await estimateMap(data, fn, options);
    const { samples, called, failures, calls, tokens, cost, elapsedMs } = estimate;
    const costs = cost === 0 ? '' : `, cost ${cost.toPrecision(3)}`;
    process.stdout.write(
      json
        ? `${JSON.stringify(estimate)}\n`
        : `From ${formatCount(called)} of ${formatCount(samples)} samples (${formatCount(failures)} failed), all would take about ` +
            `${formatDuration(elapsedMs)}: ${formatCount(calls)} calls, ${formatCount(tokens)} tokens${costs}.\n`,
    );
    return;
  }
  const done = await whileShown(
    progress,
    flags,
    (onProgress) => mapDataset(data, fn, { ...options, onProgress }),
    ({ samples }) => `${formatCount(samples)} samples`,
    { title: 'Calling' },
  );
  const { output: _path, samples, failures = 0, continued, wasDone, usage, elapsedMs } = done;
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...done, to })}\n`);
    return;
  }
  const what = `${formatCount(samples)} rows in ${flags.output}${failures > 0 ? `, ${formatCount(failures)} with an error` : ''}`;
  const used = [`${formatCount(usage.calls)} calls`];
  if (usage.tokens > 0) used.push(`${formatCount(usage.tokens)} tokens`);
  if (usage.cost > 0) used.push(`cost ${usage.cost.toPrecision(3)}`);
  const earlier = continued > 0 ? ` An earlier run had finished ${formatCount(continued)} of them.` : '';
  process.stdout.write(
    wasDone
      ? `Already complete: ${what}.\n`
      : `Wrote ${what}: ${used.join(', ')} in ${formatDuration(elapsedMs)}.${earlier}\n`,
  );
}

function optionsOf(flags: MapFlags, onRefusal: (refusal: string) => void): MapOptions {
  const { concurrency, rate, tokenRate, retries, maxFailures, partSamples } = flags;
  return {
    output: flags.output,
    to: flags.to,
    ...(concurrency !== undefined && { concurrency }),
    ...(rate !== undefined && { rate }),
    ...(tokenRate !== undefined && { tokenRate }),
    ...(flags.batch !== undefined && { batchSize: flags.batch }),
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout * 1_000 }),
    ...(retries !== undefined && { retries }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(partSamples !== undefined && { partSamples }),
    ...workOptions('millrace map', flags),
    onRefusal,
  };
}
