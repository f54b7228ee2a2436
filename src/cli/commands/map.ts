import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { estimateMap, mapDataset } from '../../convert/index.js';
import { cancelMap, type MapOptions } from '../../convert/map/map-dataset.js';
import type { MapFunction } from '../../convert/map/map-function.js';
import { intervalOf } from '../../convert/map/rate.js';
import { ConfigError } from '../../core/errors.js';
import { type WorkerFunction, workerFunction } from '../../datasets/worker-module.js';
import type { FormatName } from '../../formats/format-table.js';
import { formatNames } from '../../formats/format-table.js';
import { formatCount, formatDuration } from '../../web/kit/numbers.js';
import {
  addClusterFlags,
  type ClusterFlags,
  canceledText,
  clusterOptions,
} from '../convert/cluster-flags.js';
import { whileShown } from '../convert/show-conversion.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../whole-number.js';

interface MapFlags extends ClusterFlags {
  readonly fn: string;
  readonly output: string;
  readonly to: 'jsonl' | 'parquet';
  readonly format?: FormatName;
  readonly columns?: string[];
  readonly concurrency?: number;
  readonly rate?: string;
  readonly tokenRate?: string;
  readonly batch?: number;
  readonly timeout?: number;
  readonly retries?: number;
  readonly maxFailures?: number;
  readonly partSamples?: number;
  readonly workers?: number;
  readonly estimate?: boolean;
  readonly overwrite: boolean;
  readonly json: boolean;
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
    )
    .addOption(
      new Option('--format <name>', 'format of the data, if it cannot be detected').choices([...formatNames]),
    )
    .option('--columns <names...>', 'columns of a sample')
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
    .option(
      '--workers <count>',
      'threads; limits hold for each (default: 0, the main thread)',
      wholeNumber(0),
    )
    .option('--estimate', 'call 1 % of the samples, print what all would take, and exit')
    .option('--overwrite', 'replace existing output', false)
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace map raw/*.jsonl --fn ./label.ts --output labels --rate 600/min --estimate',
        '  millrace map raw/*.jsonl --fn ./label.ts --output labels --rate 600/min --max-failures 100',
      ].join('\n'),
    );
  return addClusterFlags(command, 'map').action(run);
}

function rateOf(text: string): string {
  if (intervalOf(text) !== undefined) return text;
  throw new InvalidArgumentError('Write it as calls or tokens in a time: 600/min, 10/s, 5000/h.');
}

async function run(data: string[], flags: MapFlags): Promise<void> {
  const { json, to } = flags;
  const progress = createProgress({ stream: process.stderr, json });
  const fn = functionOf(flags.fn);
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
  const { format, columns, concurrency, rate, tokenRate, retries, maxFailures, partSamples } = flags;
  return {
    output: flags.output,
    to: flags.to,
    overwrite: flags.overwrite,
    ...(format && { format }),
    ...(columns && { columns }),
    ...(concurrency !== undefined && { concurrency }),
    ...(rate !== undefined && { rate }),
    ...(tokenRate !== undefined && { tokenRate }),
    ...(flags.batch !== undefined && { batchSize: flags.batch }),
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout * 1_000 }),
    ...(retries !== undefined && { retries }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(partSamples !== undefined && { partSamples }),
    ...(flags.workers !== undefined && { numWorkers: flags.workers }),
    ...clusterOptions('millrace map', flags),
    onRefusal,
  };
}

/** The function of a module: its default export (`./label.ts`) or a named one (`./label.ts#score`). */
function functionOf(text: string): WorkerFunction<MapFunction> {
  const [path = '', name] = text.split('#');
  if (existsSync(path)) return workerFunction(pathToFileURL(resolve(path)), name ? { export: name } : {});
  throw new ConfigError('millrace map', [{ field: '--fn', message: `file ${path} does not exist` }]);
}
