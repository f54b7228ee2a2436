import { Command } from 'commander';
import { openDeclared } from '../../config/open-declared.js';
import type { Dataset } from '../../core/dataset.js';
import { shownLocation } from '../../core/shown-location.js';
import { padCollate } from '../../loader/index.js';
import { sampleContext } from '../../random/sample-context.js';
import type { ChatRow } from '../../tokens/chat-reader.js';
import { loadTokenizer } from '../../tokens/load-tokenizer.js';
import {
  type ConfigFlags,
  configArgument,
  openOptions,
  withConfigOptions,
} from '../config/config-options.js';
import { findConfig } from '../config/find-config.js';
import { chatFindings } from '../doctor/chat-checks.js';
import { type Diagnosis, diagnose } from '../doctor/diagnose.js';
import { chatEncoding } from '../inspect/inspect-chats.js';
import { some } from '../plan/findings.js';
import { openRun } from '../plan/open-run.js';
import { renderFindings } from '../plan/render-findings.js';
import { Failed } from '../run-program.js';
import { paintFor } from '../terminal/color.js';
import { terminalWidth } from '../terminal/wrap.js';
import { wholeNumber } from '../whole-number.js';

interface DoctorFlags extends ConfigFlags {
  readonly tokenizer?: string;
  readonly template?: string;
  readonly maxLength?: number;
  readonly json?: boolean;
}

/** `millrace doctor`: finds problems before a run. */
export function doctorCommand(): Command {
  return withConfigOptions(
    new Command('doctor')
      .summary('find problems in a configuration or data set, with their fixes')
      .description(
        'Examines a configuration and its data without reading samples. Finds padding duplicates, ignored epochs, tiny files, skewed\n' +
          'lengths, stages that cannot seek, colliding seeds, ranks that disagree, and schedules longer or shorter than the run. Each\n' +
          'finding has a reason and a fix. For data alone, checks only the data. The exit status is 1 if there are findings.\n' +
          'Of conversations it reads up to 1,000: it finds empty masks, answers without an end token, doubled BOS tokens, special\n' +
          'tokens in content, truncated answers, and templates that do not fit.',
      )
      .argument('[what]', `${configArgument}; or data of any format`)
      .option(
        '--tokenizer <source>',
        'examine conversations: a tokenizer.json, its folder, or hf://user/model',
      )
      .option('--template <file>', 'chat template in Jinja (default: that of the tokenizer)')
      .option('--max-length <tokens>', 'length to which conversations will be cut', wholeNumber(1))
      .option('--json', 'print the findings as JSON'),
  )
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace doctor millrace.config.ts',
        '  millrace doctor millrace.config.ts --world-size 8',
        '  millrace doctor data/images',
        '  millrace doctor chats.jsonl --tokenizer hf://Qwen/Qwen3-0.6B --max-length 2048',
      ].join('\n'),
    )
    .action(doctor);
}

async function doctor(given: string | undefined, flags: DoctorFlags): Promise<void> {
  const what = given ?? findConfig();
  const isConfig = /\.([mc]?[jt]s|json|hjson)$/.test(what);
  const { findings, samples, leftOut } = isConfig ? await ofConfig(what, flags) : await ofData(what, flags);
  const shown = shownLocation(what);
  if (flags.json) process.stdout.write(`${JSON.stringify({ what: shown, samples, findings, leftOut })}\n`);
  else {
    const notRead = leftOut.map((files) => `\nNot read of ${files}.`).join('');
    process.stdout.write(`${textOf(shown, findings, samples)}${notRead}\n`);
  }
  if (findings.length > 0) throw new Failed();
}

function textOf(what: string, findings: Diagnosis['findings'], samples: number | undefined): string {
  const size = samples === undefined ? '' : ` (${some(samples, 'sample')})`;
  const paint = paintFor(process.stdout);
  if (findings.length === 0) return `${paint('green', '✓')} No problems found in ${what}${size}.`;
  const title = `${some(findings.length, 'problem')} in ${what}${size}:`;
  return [title, '', ...renderFindings(findings, { paint, width: terminalWidth(process.stdout) })].join('\n');
}

async function ofConfig(path: string, flags: DoctorFlags): Promise<Diagnosis> {
  const { opened, openForRank } = await openRun(path, openOptions(flags));
  try {
    return await diagnose(path, opened, openForRank);
  } finally {
    await opened.close();
  }
}

/** Findings about the data, independent of its order. */
const ofDataItself: readonly string[] = ['tiny-files', 'skewed-lengths'];

/** Data without a configuration is examined through a default loader. */
async function ofData(name: string, flags: DoctorFlags): Promise<Diagnosis> {
  const config = { data: name, loader: { batchSize: 32, shuffle: true, collate: padCollate() } };
  const opened = await openDeclared(config, { folder: process.cwd(), launch: { rank: 0, worldSize: 1 } });
  try {
    const diagnosis = await diagnose(name, opened, async () => opened);
    const findings = diagnosis.findings.filter((finding) => ofDataItself.includes(finding.name));
    return { ...diagnosis, findings: [...findings, ...(await ofConversations(opened.dataset, flags))] };
  } finally {
    await opened.close();
  }
}

/** Findings about rows as conversations, if a tokenizer is given. */
async function ofConversations(
  dataset: unknown,
  { tokenizer, template, maxLength }: DoctorFlags,
): Promise<Diagnosis['findings']> {
  const rows = dataset as Dataset<ChatRow>;
  if (tokenizer === undefined || rows.length === 0) return [];
  const columns = Object.keys(await rows.get(0, sampleContext(0)));
  const encoding = await chatEncoding(columns, await loadTokenizer(tokenizer), { template, maxLength });
  return chatFindings(rows, encoding);
}
