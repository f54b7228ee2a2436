import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ConversionProgress, ConvertOptions } from '../../convert/convert-options.js';
import { type Conversion, cancelConversion, convert } from '../../convert/index.js';
import type { ConversionTarget } from '../../convert/manifest.js';
import { conversionTargets } from '../../convert/manifest.js';
import { type DType, dtypes } from '../../core/dtype.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import type { DTypeTable } from '../../formats/indexed/indexed-dataset-dtypes.js';
import type { TextUnit } from '../../formats/text/text-dataset.js';
import {
  type TokenizerChoice,
  type TokenizerLike,
  type TokenizerName,
  tokenizerNames,
} from '../../tokens/tokenizer.js';
import { formatBytes, formatCount, formatDuration } from '../../web/kit/numbers.js';
import { canceledText } from '../convert/cluster-flags.js';
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

interface ConvertFlags extends WorkFlags {
  readonly output: string;
  readonly to: ConversionTarget;
  readonly textUnit: TextUnit;
  readonly tokenizer: TokenizerChoice;
  readonly field: string;
  readonly appendEot: boolean;
  readonly dtype?: DType;
  readonly dtypeTable: DTypeTable;
  readonly types?: Record<string, never>;
  readonly shardSamples?: number;
}

/** `millrace convert`: converts data to indexed tokens, tar shards or Parquet shards. */
export function convertCommand(): Command {
  const command = new Command('convert')
    .summary('convert data to indexed tokens, or shards of WebDataset, Parquet or JSON Lines')
    .description(
      'Converts files, folders, patterns and http:, s3:, gs:, az: or hf: URLs. To continue after an interruption, repeat the command; the\n' +
        'output has the same bytes. If the output is complete, the command verifies it. Every file is read back and compared.\n\n' +
        '  tokens: writes text, JSON Lines, CSV, Parquet, … to <output>.bin and <output>.idx, which DeepSpeed and Megatron read\n' +
        '  webdataset: writes the files of a folder to tar shards in the folder <output>\n' +
        '  parquet: writes any data to Parquet shards in the folder <output>\n' +
        '  jsonl: writes any data to JSON Lines shards in the folder <output>',
    )
    .argument('<input...>', 'files, folders, patterns, URLs')
    .requiredOption('--output <path>', 'a folder or s3: URL for shards, or for <path>.bin and <path>.idx')
    .addOption(new Option('--to <target>', 'output format').choices(conversionTargets).default('tokens'));
  addSelectionFlag(addInputFlags(command))
    .option(
      '--text-unit <unit>',
      'what makes one document of a text file: file, line, or a separator',
      textUnit,
      'file',
    )
    .option(
      '--tokenizer <name>',
      `${tokenizerNames.join(', ')}, or a module that exports encode(text)`,
      tokenizerOf,
      'cl100k_base',
    )
    .option('--field <name>', 'field of a sample that contains the text', 'text')
    .option('--append-eot', 'append the end-of-text token to each document', false)
    .addOption(new Option('--dtype <name>', 'dtype of the stored tokens').choices(dtypes))
    .addOption(
      new Option('--dtype-table <name>', 'dtype codes of the .idx file')
        .choices(['deepspeed', 'megatron'])
        .default('deepspeed'),
    )
    .option(
      '--types <column=type...>',
      'types of columns that the first 1,000 samples do not determine',
      typeOf,
    )
    .option('--shard-samples <count>', 'samples per shard', wholeNumber(1))
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace convert docs/ data/*.jsonl.gz --output tokens --append-eot',
        '  millrace convert "s3://bucket/raw/*.parquet" --columns text --output tokens --tokenizer o200k_base',
        '  millrace convert photos/ --to webdataset --output shards --shard-samples 5000',
        '  millrace convert data.csv --to parquet --output table',
        '  millrace convert "raw/*.jsonl" --selection selection#train --output tokens --append-eot',
        '  millrace convert "s3://bucket/raw/*.jsonl" --output s3://bucket/tokens --engine bullmq --redis redis://host:6379',
      ].join('\n'),
    );
  return addWorkFlags(command, 'conversion', 'threads (default: one per core, up to 8)').action(run);
}

/** @internal */
function textUnit(text: string): TextUnit {
  return text === 'file' || text === 'line' ? text : { separator: text };
}

function tokenizerOf(text: string): TokenizerChoice {
  if (tokenizerNames.includes(text as TokenizerName)) return text as TokenizerName;
  if (!/[./\\]/.test(text))
    throw new InvalidArgumentError(
      `Allowed choices are ${tokenizerNames.join(', ')}, or a module: ./tokenizer.mjs`,
    );
  return new WorkerModule<TokenizerLike>(pathToFileURL(text), {}, false);
}

function typeOf(text: string, known: Record<string, string> = {}): Record<string, string> {
  const [, column, type] = /^(.+)=([^=]+)$/.exec(text) ?? [];
  if (column !== undefined && type !== undefined) return { ...known, [column]: type };
  throw new InvalidArgumentError('Write it as column=type: --types score=float64 meta=json');
}

async function run(inputs: string[], flags: ConvertFlags): Promise<void> {
  const { to, tokenizer, field, appendEot, dtype, dtypeTable, types, json } = flags;
  const progress = createProgress({ stream: process.stderr, json });
  const options: ConvertOptions = {
    output: flags.output,
    to,
    textUnit: flags.textUnit,
    tokenizer,
    field,
    appendEndOfText: appendEot,
    ...(dtype && { dtype }),
    dtypeTable,
    ...(types && { types }),
    ...(flags.shardSamples && { shardSamples: flags.shardSamples }),
    ...workOptions('millrace convert', flags),
    onRefusal: (refusal) => progress.line(`refused by ${refusal}`),
  };
  if (flags.cancel) {
    process.stdout.write(canceledText('conversion', await cancelConversion(inputs, options), json));
    return;
  }
  const isLocal = flags.engine === 'local';
  const conversion = await whileShown(
    progress,
    flags,
    (onProgress) => convert(inputs, { ...options, onProgress }),
    ({ samples }) => `${formatCount(samples)} ${nouns[to]}`,
    isLocal
      ? {
          noteOf: ({ tokens }: ConversionProgress) =>
            to === 'tokens' ? `${formatCount(tokens)} tokens` : '',
        }
      : {},
  );
  process.stdout.write(
    json
      ? `${JSON.stringify(asJson(conversion, dtypeOf(flags)))}\n`
      : // By the name that was given, not the absolute path.
        asText({ ...conversion, output: flags.output }, dtypeOf(flags)),
  );
}

const nouns: Readonly<Record<ConversionTarget, string>> = {
  tokens: 'documents',
  webdataset: 'samples',
  parquet: 'rows',
  jsonl: 'rows',
};

function dtypeOf({ dtype, tokenizer }: ConvertFlags): DType {
  return dtype ?? (tokenizer === 'bytes' ? 'uint8' : 'int32');
}

function asJson({ samples, inputFiles, inputBytes, files, ...rest }: Conversion, dtype: DType): object {
  return {
    ...rest,
    files: inputFiles,
    byteLength: inputBytes,
    ...(rest.to === 'tokens' ? { documents: samples, dtype } : { samples }),
    written: files,
  };
}

function asText(
  { output, to, samples, tokens, files, continued, ...rest }: Conversion,
  dtype: DType,
): string {
  const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const what = `${formatCount(samples)} ${nouns[to]}${tokens === undefined ? '' : `, ${formatCount(tokens)} tokens (${dtype})`}`;
  const where =
    to === 'tokens'
      ? `${output}.bin and ${output}.idx`
      : `${files.length} ${files.length === 1 ? 'shard' : 'shards'} in ${output}`;
  if (rest.wasDone) return `${where} already complete: ${what}, ${formatBytes(bytes)}.\n`;
  const from = rest.inputBytes === undefined ? '' : ` from ${formatBytes(rest.inputBytes)}`;
  const earlier = continued > 0 ? ` An earlier run had finished ${formatCount(continued)} of them.` : '';
  return `Wrote ${where}: ${what}, ${formatBytes(bytes)}${from} in ${formatDuration(rest.elapsedMs)}.${earlier}\n`;
}
