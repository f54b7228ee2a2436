import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { ownValue } from '../../core/record.js';
import { visibleText } from '../../core/visible-text.js';
import type { FormatName } from '../../formats/format-table.js';
import { type BuiltInFormatName, formatNames } from '../../formats/format-table.js';
import { imageKind } from '../../images/image-kind.js';
import type { ChatView } from '../../tokens/chat-view.js';
import { loadTokenizer } from '../../tokens/load-tokenizer.js';
import { isTokenizerName, resolveTokenizer, type Tokenizer, tokenizerNames } from '../../tokens/tokenizer.js';
import { renderInspection } from '../../web/inspection.js';
import { formatBytes, formatCount } from '../../web/kit/numbers.js';
import { columnRuns } from '../column-runs.js';
import { chatLegend, chatViewLines } from '../inspect/chat-view-lines.js';
import { asTensor, describeValue, jsonValue } from '../inspect/describe-value.js';
import { chatEncoding, viewSamples } from '../inspect/inspect-chats.js';
import { type InspectedSample, type Inspection, inspectDataset } from '../inspect/inspect-dataset.js';
import { picturesOf, pictureUrl } from '../inspect/picture-url.js';
import { showsPictures, terminalImage, terminalPicture } from '../inspect/terminal-image.js';
import { type Paint, paintFor } from '../terminal/color.js';
import { renderTable } from '../terminal/table.js';
import { wholeNumber } from '../whole-number.js';

interface InspectFlags {
  readonly samples: number;
  readonly index?: number;
  readonly format?: FormatName;
  readonly columns?: string[];
  readonly tokenizer?: string;
  readonly chat?: boolean;
  readonly template?: string;
  readonly trainOn?: 'assistant' | 'last' | 'all';
  readonly html?: string;
  readonly json?: boolean;
}

/** Images that browsers show as they are. */
const browserKinds: ReadonlySet<string> = new Set(['jpeg', 'png', 'gif', 'webp', 'bmp', 'avif']);

const narrowest = 40;
const widest = 160;
const imageColumns = 32;

/** `millrace inspect`: shows the content of data. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('show the content of a file, folder or URL: rows, schema, sizes, samples')
    .description(
      'Shows data without reading all of it. Detects the format by name and content: JSON Lines, CSV, text, Parquet, Arrow,\n' +
        'WebDataset, MDS, indexed tokens, image folders, npy, npz, safetensors; also .gz and .zst. Accepts paths and http:,\n' +
        's3:, gs:, az: and hf: URLs.',
    )
    .argument(
      '<data>',
      'a path, a URL or a pattern such as "s3://bucket/train/*.parquet"; or a module that exports a dataset',
    )
    .option('--samples <count>', 'number of samples to show, evenly spaced', wholeNumber(0), 3)
    .option('--index <i>', 'show only this sample', wholeNumber(0))
    .addOption(
      new Option('--format <name>', 'format of the data, if it cannot be detected').choices([...formatNames]),
    )
    .option('--columns <names...>', 'show these columns')
    .option(
      '--tokenizer <name>',
      `decode token ids with this tokenizer: ${tokenizerNames.join(', ')}, a tokenizer.json, its folder, or hf://user/model`,
    )
    .option('--chat', 'show conversations token by token, with those that are trained on (needs --tokenizer)')
    .option('--template <file>', 'chat template in Jinja (default: that of the tokenizer)')
    .addOption(
      new Option('--train-on <turns>', 'which tokens are trained on').choices(['assistant', 'last', 'all']),
    )
    .option('--html <file>', 'write everything, with images, to a page')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace inspect data/train.jsonl.gz',
        '  millrace inspect dataset.js --html pictures.html       (augmented pictures, with boxes and masks)',
        '  millrace inspect tokens --tokenizer cl100k_base --index 7',
        '  millrace inspect chats.jsonl --tokenizer hf://Qwen/Qwen3-0.6B --chat --html chats.html',
        '  millrace inspect "hf://datasets/user/name/data/*.parquet" --html data.html',
      ].join('\n'),
    )
    .action(inspect);
}

async function inspect(name: string, flags: InspectFlags): Promise<void> {
  const { samples: count, index, format, columns, json = false } = flags;
  const inspection = await inspectDataset(name, { count, index, format, columns });
  const encoder = flags.tokenizer === undefined ? undefined : await openTokenizer(flags.tokenizer);
  const chats = flags.chat
    ? viewSamples(
        inspection.samples,
        await chatEncoding(Object.keys(inspection.samples[0]?.fields ?? {}), encoder, flags),
      )
    : undefined;
  if (flags.html) writeFileSync(flags.html, renderInspection(pageOf(inspection, encoder, chats)));
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...inspection, chats }, jsonValue)}\n`);
    return;
  }
  const paint = paintFor(process.stdout);
  const width = Math.min(widest, Math.max(narrowest, process.stdout.columns ?? 100));
  const lines = [
    ...overview(inspection, paint),
    '',
    ...(chats ? chatLines(inspection, chats, paint) : await sampleLines(inspection, encoder, paint, width)),
  ];
  if (flags.html) lines.push('', `Page: ${flags.html}`);
  process.stdout.write(`${lines.join('\n').replace(/\n+$/, '')}\n`);
}

const titles: Readonly<Record<BuiltInFormatName, string>> = {
  jsonl: 'JSON Lines',
  json: 'JSON',
  delta: 'Delta table',
  iceberg: 'Iceberg table',
  lance: 'Lance table',
  sqlite: 'SQLite database',
  duckdb: 'DuckDB database',
  csv: 'separated values',
  text: 'text',
  parquet: 'Parquet',
  arrow: 'Arrow',
  webdataset: 'WebDataset',
  mds: 'MDS',
  indexed: 'indexed tokens',
  images: 'image folder',
  npy: 'npy',
  npz: 'npz',
  safetensors: 'safetensors',
};

function overview(inspection: Inspection, paint: Paint): string[] {
  const { name, format, columns } = inspection;
  const rows = facts(inspection).map(([title, value]) => `  ${title.padEnd(12)} ${value}`);
  const schema =
    columns.length === 0 || columns[0]!.name === ''
      ? []
      : [
          '',
          renderTable(
            [{ title: 'column' }, { title: 'type' }],
            columnRuns(columns).map(({ name, names, type }) => [
              name,
              names.length > 1 ? `${type} (${names.length} columns)` : type,
            ]),
          ),
        ];
  return [`${paint('bold', visibleText(name))}: ${titleOf(format)}`, ...rows, ...schema];
}

/** Renders the facts about the whole data set. */
function facts({ length, shards, files, fingerprint, leftOut, chatLayout }: Inspection): [string, string][] {
  const known: [string, string][] = [['samples', formatCount(length)]];
  if (shards !== undefined && shards > 1) known.push(['parts', formatCount(shards)]);
  if (files)
    known.push([
      'size',
      `${formatBytes(files.byteLength)}${files.count > 1 ? ` in ${formatCount(files.count)} files` : ''}`,
    ]);
  if (leftOut) known.push(['left out', leftOut]);
  if (chatLayout) known.push(['chat layout', chatLayout]);
  if (fingerprint) known.push(['fingerprint', fingerprint]);
  return known;
}

function openTokenizer(name: string): Promise<Tokenizer> {
  return isTokenizerName(name) ? resolveTokenizer(name) : loadTokenizer(name);
}

function chatLines({ samples }: Inspection, chats: readonly ChatView[][], paint: Paint): string[] {
  const shown = samples.flatMap(({ index }, k) => [
    paint('bold', `sample ${formatCount(index)}`),
    ...chats[k]!.flatMap((view) => chatViewLines(view, paint)),
    '',
  ]);
  return [chatLegend(paint), '', ...shown];
}

async function sampleLines(
  { samples }: Inspection,
  encoder: Tokenizer | undefined,
  paint: Paint,
  width: number,
): Promise<string[]> {
  const lines: string[] = [];
  for (const { index, fields } of samples) {
    lines.push(paint('bold', `sample ${formatCount(index)}`));
    const shown = shownFields(fields);
    const indent = Math.max(0, ...shown.map(([name]) => name.length));
    for (const [name, value] of shown) {
      const title = name === '' ? '  ' : `  ${name.padEnd(indent)}  `;
      lines.push(title + describeValue(value, width - title.length));
      const text = encoder && tokenText(value, encoder);
      if (text !== undefined)
        lines.push(`${' '.repeat(title.length)}${paint('gray', describeValue(text, width - title.length))}`);
      const picture = await pictureOf(value, fields);
      if (picture) lines.push(picture);
    }
    lines.push('');
  }
  return lines;
}

/** Fields by name, with numbered columns joined to one array. */
function shownFields(fields: InspectedSample['fields']): [string, unknown][] {
  const typed = Object.entries(fields).map(([name, value]) => ({
    name,
    // Only numbers are joined.
    type: typeof value === 'number' ? 'number' : name,
  }));
  return columnRuns(typed).map(({ name, names }) => [
    name,
    names.length === 1 ? ownValue(fields, name) : names.map((each) => ownValue(fields, each)),
  ]);
}

/** A thumbnail, if the terminal supports 24-bit colors. */
async function pictureOf(value: unknown, beside: InspectedSample['fields']): Promise<string | undefined> {
  if (!showsPictures()) return undefined;
  const pictures = picturesOf(value, beside, imageColumns);
  if (pictures.length > 0) return pictures.map(terminalPicture).join('\n');
  if (!(value instanceof Uint8Array) || !imageKind(value)) return undefined;
  // Without sharp, or for a damaged image, show only type and size.
  return terminalImage(value, imageColumns).catch(() => undefined);
}

function titleOf(format: FormatName): string {
  return format === 'module' ? 'dataset of a module' : (ownValue(titles, format) ?? format);
}

/** Decodes token ids; `undefined` for other values. */
function tokenText(value: unknown, encoder: Tokenizer): string | undefined {
  const tensor = asTensor(value);
  if (!tensor || tensor.dtype.startsWith('float') || tensor.shape.length !== 1) return undefined;
  return encoder.decode?.(Array.from(tensor.data as ArrayLike<number | bigint>, Number));
}

function pageOf(
  inspection: Inspection,
  encoder: Tokenizer | undefined,
  chats: readonly ChatView[][] | undefined,
) {
  const fieldOf = (sample: InspectedSample) =>
    Object.entries(sample.fields).map(([name, value]) => {
      const kind = value instanceof Uint8Array ? imageKind(value) : undefined;
      const text = typeof value === 'string' ? value : encoder && tokenText(value, encoder);
      const images = browserKinds.has(kind ?? '')
        ? [`data:image/${kind};base64,${Buffer.from(value as Uint8Array).toString('base64')}`]
        : picturesOf(value, sample.fields).map(pictureUrl);
      return {
        name,
        shown: typeof value === 'string' ? undefined : describeValue(value, images.length > 0 ? 60 : 400),
        text,
        images,
      };
    });
  return {
    name: inspection.name,
    format: titleOf(inspection.format),
    facts: facts(inspection).map(([name, value]) => ({ name, value })),
    columns: inspection.columns,
    samples: inspection.samples.map((sample, k) => ({
      index: sample.index,
      fields: fieldOf(sample),
      chats: chats?.[k],
    })),
  };
}
