import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { selectDataset } from '../../analysis/index.js';
import { qualityRules } from '../../analysis/select/quality-rules.js';
import { cancelSelection } from '../../analysis/select/select-dataset.js';
import type { SelectOptions } from '../../analysis/select/select-options.js';
import { shownLocation } from '../../core/shown-location.js';
import type { Where } from '../../formats/where/where.js';
import { formatCount } from '../../web/kit/numbers.js';
import { renderSelectionPage } from '../../web/selection-page.js';
import { datasetSource } from '../analyze/open-data.js';
import { byteCount } from '../byte-count.js';
import { canceledText } from '../convert/cluster-flags.js';
import { moduleFunction } from '../convert/module-function.js';
import { whileShown } from '../convert/show-conversion.js';
import { addInputFlags, addWorkFlags, type WorkFlags, workOptions } from '../convert/work-flags.js';
import { selectionText } from '../select/selection-text.js';
import { shareOfAll } from '../share.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../whole-number.js';

interface SelectFlags extends WorkFlags {
  readonly output: string;
  readonly field?: string;
  readonly where?: Where;
  readonly quality?: string[];
  readonly languages?: string[];
  readonly filter?: string;
  readonly decontaminate?: string[];
  readonly decontaminateWords?: number;
  readonly dedup?: 'exact' | 'near';
  readonly minHash?: SelectOptions['minHash'];
  readonly sample?: number;
  readonly weight?: string;
  readonly splits?: Record<string, number>;
  readonly memory: number;
  readonly html?: string;
}

/** `millrace select`: selects samples by rules. */
export function selectCommand(): Command {
  const command = new Command('select')
    .summary('select samples: filter, remove duplicates and evaluation texts, sample, split')
    .description(
      'Applies rules to every sample, in the order of the options below, and writes a selection: which samples stay, which rule removed\n' +
        'each other one, and why. millrace convert and openDataset read it with --selection, without a copy of the data. To continue\n' +
        'after an interruption, repeat the command.',
    )
    .argument('<data>', 'a path, a URL, a pattern, or a module that exports a dataset')
    .requiredOption('--output <location>', 'folder, or s3:, gs: or az: URL, for the selection');
  addInputFlags(command)
    .option('--field <name>', 'field of a sample that contains the text (default: text, content or document)')
    .option('--where <json>', `keep samples that meet a condition: '{"score": {"gte": 3}}'`, jsonObject)
    .option('--quality <rules...>', `keep texts that pass ${[...qualityRules.keys()].join(', ')}`)
    .option('--languages <codes...>', 'keep texts in these languages: en de (needs the package eld)')
    .option(
      '--filter <module>',
      'keep samples for which a function returns true: ./keep.ts, ./keep.ts#isLong',
    )
    .option('--decontaminate <files...>', 'remove texts that share words in a row with these evaluation sets')
    .option('--decontaminate-words <count>', 'words in a row (default: 13)', wholeNumber(1))
    .addOption(
      new Option('--dedup <kind>', 'remove texts that repeat an earlier one').choices(['exact', 'near']),
    )
    .option(
      '--min-hash <b,r,w>',
      'with --dedup near: bands, hashes of a band, words (default: 14,8,5)',
      minHash,
    )
    .option('--sample <share>', 'keep a share of the samples: 10%', shareOfAll)
    .option('--weight <column>', 'with --sample: column of the weights of samples')
    .option('--splits <name=share...>', 'divide what stays: train=0.98 test=0.02', splitOf)
    .addOption(new Option('--memory <amount>', 'memory limit').argParser(byteCount).default(512e6, '512MB'))
    .option('--html <file>', 'write the report as a page')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace select "raw/*.jsonl.gz" --output selection --quality gopher-quality --dedup near --html report.html',
        '  millrace select data.parquet --output selection --where \'{"lang": "en"}\' --splits train=0.9 test=0.1',
        '  millrace select "raw/*.jsonl" --output selection --decontaminate eval/*.jsonl --languages en de',
      ].join('\n'),
    );
  return addWorkFlags(command, 'selection', 'threads (default: 2)').action(run);
}

function jsonObject(text: string): Where {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Where;
  } catch {
    // Reported below.
  }
  throw new InvalidArgumentError(`Write it as JSON in quotes: '{"lang": "en", "score": {"gte": 3}}'`);
}

function minHash(text: string): SelectOptions['minHash'] {
  const [, bands, rows, words] = /^(\d+),(\d+),(\d+)$/.exec(text) ?? [];
  if (bands !== undefined) return { bands: Number(bands), rows: Number(rows), words: Number(words) };
  throw new InvalidArgumentError('Write it as bands, hashes of a band and words: 14,8,5');
}

function splitOf(text: string, known: Record<string, number> = {}): Record<string, number> {
  const [, name, share] = /^([\w-]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || share === undefined)
    throw new InvalidArgumentError('Write it as name=share: --splits train=0.98 test=0.02');
  return { ...known, [name]: shareOfAll(share) };
}

async function run(data: string, flags: SelectFlags): Promise<void> {
  const { json, output, html } = flags;
  const progress = createProgress({ stream: process.stderr, json });
  const source = datasetSource(data, flags);
  const options = optionsOf(flags, (refusal) => progress.line(`refused by ${refusal}`));
  if (flags.cancel) {
    process.stdout.write(canceledText('selection', await cancelSelection(source, options), json));
    return;
  }
  const manifest = await whileShown(
    progress,
    flags,
    (show) => selectDataset(source, { ...options, onProgress: (at) => show({ ...at, phase: 'measuring' }) }),
    ({ kept }) => `${formatCount(kept)} samples stay`,
  );
  if (html !== undefined)
    writeFileSync(html, renderSelectionPage({ data: shownLocation(data), ...manifest }));
  process.stdout.write(
    json
      ? `${JSON.stringify({ output, ...manifest })}\n`
      : selectionText(manifest, { output: shownLocation(output), html }),
  );
}

function optionsOf(flags: SelectFlags, onRefusal: (refusal: string) => void): SelectOptions {
  const { format: _format, columns: _columns, ...work } = workOptions('millrace select', flags);
  const { field, where, quality, languages, filter, decontaminate, decontaminateWords } = flags;
  const { dedup, minHash: hashing, sample, weight, splits } = flags;
  return {
    output: flags.output,
    memoryBytes: flags.memory,
    ...(field !== undefined && { field }),
    ...(where && { where }),
    ...(quality && { quality }),
    ...(languages && { languages }),
    ...(filter !== undefined && { filter: moduleFunction('millrace select', '--filter', filter) }),
    ...(decontaminate && { decontaminate }),
    ...(decontaminateWords !== undefined && { decontaminateWords }),
    ...(dedup && { dedup }),
    ...(hashing && { minHash: hashing }),
    ...(sample !== undefined && { sample }),
    ...(weight !== undefined && { weight }),
    ...(splits && { splits }),
    ...work,
    onRefusal,
  };
}
