import { Command } from 'commander';
import { openDeclared } from '../../config/open-declared.js';
import { shownLocation } from '../../core/shown-location.js';
import { padCollate } from '../../loader/index.js';
import {
  type ConfigFlags,
  configArgument,
  openOptions,
  withConfigOptions,
} from '../config/config-options.js';
import { findConfig } from '../config/find-config.js';
import { type Diagnosis, diagnose } from '../doctor/diagnose.js';
import { some } from '../plan/findings.js';
import { openRun } from '../plan/open-run.js';
import { renderFindings } from '../plan/render-findings.js';
import { Failed } from '../run-program.js';
import { paintFor } from '../terminal/color.js';
import { terminalWidth } from '../terminal/wrap.js';

interface DoctorFlags extends ConfigFlags {
  readonly json?: boolean;
}

/** `millrace doctor`: what will hurt. */
export function doctorCommand(): Command {
  return withConfigOptions(
    new Command('doctor')
      .summary('find what will hurt in a configuration or data set, and how to mend it')
      .description(
        'Looks at a configuration and its data, without reading samples: padding duplicates, forgotten epochs, tiny files, skewed\n' +
          'lengths, stages that cannot seek, seeds that collide, ranks that disagree, schedules that miss the run. Each finding has its\n' +
          'reason and its fix. Of data alone, only what can be said of it. The exit status is 1 when something is found.',
      )
      .argument('[what]', `${configArgument}; or data`)
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
      ].join('\n'),
    )
    .action(doctor);
}

async function doctor(given: string | undefined, flags: DoctorFlags): Promise<void> {
  const what = given ?? findConfig();
  const isConfig = /\.([mc]?[jt]s|json|hjson)$/.test(what);
  const { findings, samples, leftOut } = isConfig ? await ofConfig(what, flags) : await ofData(what);
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
  if (findings.length === 0) return `${paint('green', '✓')} Nothing was found in ${what}${size}.`;
  const title = `${some(findings.length, 'thing')} in ${what}${size} will hurt:`;
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

/** Findings that are of the data, in whatever order it is loaded. */
const ofDataItself: readonly string[] = ['tiny-files', 'skewed-lengths'];

/** Data alone is looked at through a plain loader. */
async function ofData(name: string): Promise<Diagnosis> {
  const config = { data: name, loader: { batchSize: 32, shuffle: true, collate: padCollate() } };
  const opened = await openDeclared(config, { folder: process.cwd(), launch: { rank: 0, worldSize: 1 } });
  try {
    const diagnosis = await diagnose(name, opened, async () => opened);
    return {
      ...diagnosis,
      findings: diagnosis.findings.filter((finding) => ofDataItself.includes(finding.name)),
    };
  } finally {
    await opened.close();
  }
}
