import { formatBytes, formatCount } from '../../web/kit/numbers.js';
import { columnRuns } from '../column-runs.js';
import type { Inspection } from '../inspect/inspect-dataset.js';
import type { FoundData } from './find-data.js';

/** Minimum and maximum suggested window length, and the minimum number of windows. */
const shortestWindow = 16;
const longestWindow = 1_024;
const fewestWindows = 64;

/** Content of a configuration. */
export interface ConfigContent {
  readonly data: FoundData;
  /** Result of inspecting the data; absent for images, which are not decoded. */
  readonly inspection: Inspection | undefined;
  /** Tokens of indexed data. */
  readonly tokens: number | undefined;
  /** Names of other data in the folder. */
  readonly others: readonly string[];
}

/** Renders a commented `millrace.config.ts`. */
export function configText(content: ConfigContent): string {
  return content.data.format === 'images' ? imageConfig(content) : fileConfig(content);
}

function fileConfig({ data, inspection, tokens, others }: ConfigContent): string {
  const lines = [
    `import { defineConfig } from 'millrace/config';`,
    '',
    'export default defineConfig({',
    ...comment(
      `${sizeText(data, inspection)} A path beside this file, a URL (https:, s3:, gs:, az:, hf:) or a pattern.`,
    ),
    ...comment(fieldsText(inspection)),
    `  data: ${quoted(data.name)},`,
    ...otherLines(others),
    '',
    ...(tokens === undefined ? [] : tokenLines(tokens)),
    ...loaderLines(),
    ...(tokens === undefined ? [] : curriculumLines()),
    '});',
  ];
  return `${lines.join('\n')}\n`;
}

function imageConfig({ data, others }: ConfigContent): string {
  const lines = [
    `import { defineConfig } from 'millrace/config';`,
    `import { ImageFolder } from 'millrace/formats';`,
    `import { imageNetStatistics, normalize, randomHorizontalFlip, randomResizedCrop } from 'millrace/images';`,
    '',
    'export default defineConfig({',
    ...comment(
      `${formatCount(data.files)} images, ${formatBytes(data.byteLength)}: one folder per class. To decode them, npm install sharp or @julusian/jpeg-turbo.`,
    ),
    `  data: await ImageFolder.open(new URL(${quoted(`./${data.name.split('/').map(encodeURIComponent).join('/')}`)}, import.meta.url), {`,
    '    transforms: [randomResizedCrop(224), randomHorizontalFlip(), normalize(imageNetStatistics)],',
    '  }),',
    ...otherLines(others),
    '',
    ...loaderLines(),
    '});',
  ];
  return `${lines.join('\n')}\n`;
}

function sizeText({ format, files, byteLength }: FoundData, inspection: Inspection | undefined): string {
  const samples = inspection
    ? `${formatCount(inspection.length)} ${format === 'indexed' ? 'documents' : 'samples'}, `
    : '';
  return `${samples}${formatBytes(byteLength)} in ${files === 1 ? '1 file' : `${formatCount(files)} files`} (${format}).`;
}

function fieldsText(inspection: Inspection | undefined): string {
  const columns = inspection?.columns.filter(({ name }) => name !== '') ?? [];
  if (columns.length === 0) return '';
  const shown = columnRuns(columns).map(({ name, names, type }) =>
    names.length > 1 ? `${name} (${type}, ${names.length} columns)` : `${name} (${type})`,
  );
  return `A sample has: ${shown.join(', ')}.`;
}

function otherLines(others: readonly string[]): string[] {
  if (others.length === 0) return [];
  const [first] = others;
  return [
    ...comment(`Also found: ${others.join(', ')}. To mix several sources by weight:`),
    `  // data: { mixture: { one: { data: …, weight: 0.8 }, other: { data: ${quoted(first!)}, weight: 0.2 } } },`,
  ];
}

function tokenLines(tokens: number): string[] {
  let length = longestWindow;
  while (length > shortestWindow && tokens / length < fewestWindows) length /= 2;
  return [
    ...comment(`${formatCount(tokens)} tokens, cut into windows of one length: x, and y one token later.`),
    `  windows: { length: ${length} },`,
    ...comment('Instead, documents packed into rows without being cut:'),
    `  // packing: { rowLength: ${length} },`,
    '',
  ];
}

function loaderLines(): string[] {
  return [
    '  loader: {',
    '    // Samples of a global batch, over all ranks.',
    '    batchSize: 32,',
    '    // A new order in each epoch, computed from the seed.',
    '    shuffle: true,',
    '    seed: 0,',
    `    // Threads that make batches: as many as training needs not to wait.`,
    `    numWorkers: 'auto',`,
    '  },',
    '',
    ...comment('The length of the run, which `millrace plan` shows.'),
    '  training: { epochs: 1 },',
  ];
}

function curriculumLines(): string[] {
  return [
    '',
    ...comment(
      'Short documents first. Requires no windows, no shuffle, and collate: padCollate() in the loader.',
    ),
    '  // curriculum: {',
    '  //   metrics: {',
    '  //     seqlen: {',
    `  //       difficulty: 'length',`,
    '  //       minDifficulty: 64,',
    '  //       maxDifficulty: 1024,',
    `  //       schedule: { type: 'linear', totalSteps: 1000, difficultyStep: 8 },`,
    '  //     },',
    '  //   },',
    '  // },',
  ];
}

function comment(text: string): string[] {
  return text === '' ? [] : [`  // ${text.replaceAll(/\s+/g, ' ')}`];
}

function quoted(text: string): string {
  // JSON escapes control characters. With U+2028 and U+2029 escaped too, it is a JavaScript literal.
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`;
}
