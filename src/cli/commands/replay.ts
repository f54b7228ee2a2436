import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { ConfigError } from '../../core/errors.js';
import { messageOf } from '../../core/thrown.js';
import { visibleText } from '../../core/visible-text.js';
import { formatCount } from '../../web/kit/numbers.js';
import { type ReplayPage, renderReplay } from '../../web/replay.js';
import {
  type ConfigFlags,
  configArgument,
  openOptions,
  withConfigOptions,
} from '../config/config-options.js';
import { findConfig } from '../config/find-config.js';
import { describeValue, jsonValue } from '../inspect/describe-value.js';
import { fieldsOf } from '../inspect/inspect-dataset.js';
import { picturesOf, pictureUrl } from '../inspect/picture-url.js';
import { showsPictures, terminalPicture } from '../inspect/terminal-image.js';
import { openRun } from '../plan/open-run.js';
import { RunOrder } from '../plan/run-order.js';
import { type Replay, type ReplayedStage, replaySample } from '../replay/replay-sample.js';
import { Failed } from '../run-program.js';
import { type Paint, paintFor } from '../terminal/color.js';
import { terminalWidth, wrapText } from '../terminal/wrap.js';
import { wholeNumber } from '../whole-number.js';

/** Columns of a picture in the terminal. */
const terminalSide = 32;

interface ReplayFlags extends ConfigFlags {
  readonly step: number;
  readonly slot: number;
  readonly microBatch: number;
  readonly json?: boolean;
  readonly html?: string;
}

/** `millrace replay`: makes one sample of a run again. */
export function replayCommand(): Command {
  return withConfigOptions(
    new Command('replay')
      .summary('make one sample of a run again, stage by stage')
      .description(
        'Makes one sample of a run again, on this thread and with the same random numbers. Shows the location of its bytes, its\n' +
          'record, each function and transform with its random draws, and its row of the collated batch. Run it in a debugger to\n' +
          'step through your own code: node --inspect-brk node_modules/millrace/dist/cli/main.js replay …',
      )
      .argument('[config]', configArgument)
      .requiredOption('--step <n>', 'global step, from 0', wholeNumber(0))
      .option('--slot <k>', 'position within the batch of the rank', wholeNumber(0), 0)
      .option('--micro-batch <m>', 'micro-batch of the step', wholeNumber(0), 0)
      .option('--json', 'print all stages as JSON')
      .option('--html <file>', 'write all stages to a page, with the picture after each step'),
  )
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace replay millrace.config.ts --step 1200 --slot 7',
        '  millrace replay millrace.config.ts --step 1200 --slot 7 --world-size 8 --rank 3',
        '  millrace plan millrace.config.ts --sample 81223        (finds the step and slot of a sample)',
      ].join('\n'),
    )
    .action(replay);
}

async function replay(
  given: string | undefined,
  { step, slot, microBatch, ...flags }: ReplayFlags,
): Promise<void> {
  const { opened, openForRank } = await openRun(given ?? findConfig(), openOptions(flags));
  try {
    if (opened.kind === 'deepspeed' && flags.data === undefined) {
      throw new ConfigError('millrace replay', [
        { field: '--data', message: 'is missing: the data of the DeepSpeed configuration' },
      ]);
    }
    const order = new RunOrder(opened, openForRank);
    const rank = flags.rank ?? order.ranks[0]!;
    const replayed = await replaySample(opened, await order.stepAt(step), { rank, microBatch, slot });
    const look = { paint: paintFor(process.stdout), width: terminalWidth(process.stdout) };
    if (flags.html) writeFileSync(flags.html, renderReplay(pageOf(replayed)));
    process.stdout.write(`${flags.json ? asJson(replayed) : asText(replayed, look)}\n`);
    if (replayed.stages.some(({ error }) => error !== undefined)) throw new Failed();
  } finally {
    await opened.close();
  }
}

function asJson(replayed: Replay): string {
  const stages = replayed.stages.map(({ error, ...stage }) => ({
    ...stage,
    ...(error !== undefined && { error: messageOf(error) }),
  }));
  return JSON.stringify({ ...replayed, stages }, jsonValue);
}

interface Look {
  readonly paint: Paint;
  readonly width: number;
}

function pageOf(replayed: Replay): ReplayPage {
  const stages = replayed.stages.map(({ name, from, value, draws, error }) => {
    const fields = value === undefined ? {} : fieldsOf(value);
    return {
      name,
      from,
      draws,
      error: error === undefined ? undefined : messageOf(error),
      fields: Object.entries(fields).map(([field, content]) => {
        const pictures = picturesOf(content, fields).map(pictureUrl);
        return { name: field, shown: describeValue(content, pictures.length > 0 ? 60 : 400), pictures };
      }),
    };
  });
  return { title: titleOf(replayed), subtitle: subtitleOf(replayed), stages };
}

function titleOf({ globalStep, rank, microBatch, slot, index }: Replay): string {
  const micro = microBatch > 0 ? `, micro-batch ${microBatch}` : '';
  return `Sample ${formatCount(index)}: global step ${formatCount(globalStep)}, rank ${rank}${micro}, slot ${slot}`;
}

function subtitleOf({ epoch, step, seed }: Replay): string {
  return `epoch ${formatCount(epoch)}, step ${formatCount(step)}; its random numbers follow from seed ${seed}, epoch, position and index`;
}

function asText(replayed: Replay, look: Look): string {
  return [
    look.paint('bold', titleOf(replayed)),
    ...wrapText(subtitleOf(replayed), { width: look.width, first: '  ', indent: 2 }),
    ...replayed.stages.flatMap((stage) => ['', ...stageLines(stage, look)]),
  ].join('\n');
}

function stageLines({ name, from, value, draws, error }: ReplayedStage, { paint, width }: Look): string[] {
  const lines = wrapText(from ?? '', { width, first: `${paint('bold', visibleText(name))}  `, indent: 2 });
  if (error !== undefined)
    return [...lines, ...wrapText(messageOf(error), { width, first: `  ${paint('red', '✗')} `, indent: 4 })];
  if (draws.length > 0) lines.push(...wrapText(draws.join(', '), { width, first: '  drew ', indent: 7 }));
  const all = value === undefined ? {} : fieldsOf(value);
  const fields = Object.entries(all).map(([field, content]) => [visibleText(field), content] as const);
  const indent = Math.max(0, ...fields.map(([field]) => field.length));
  for (const [field, content] of fields) {
    const title = field === '' ? '  ' : `  ${field.padEnd(indent)}  `;
    lines.push(title + describeValue(content, width - title.length));
    if (showsPictures()) lines.push(...picturesOf(content, all, terminalSide).map(terminalPicture));
  }
  return lines.map((line) => line.trimEnd());
}
