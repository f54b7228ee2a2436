import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import type { OpenedConfig } from '../../config/index.js';
import { ConfigError } from '../../core/errors.js';
import { renderPlanPage } from '../../web/plan.js';
import {
  type ConfigFlags,
  configArgument,
  openOptions,
  withConfigOptions,
} from '../config/config-options.js';
import { findConfig } from '../config/find-config.js';
import { runFindings } from '../doctor/diagnose.js';
import { comparePlans, type PlannedRun } from '../plan/compare-plans.js';
import { bytesOf } from '../plan/memory.js';
import { type OpenForRank, openRun } from '../plan/open-run.js';
import { planPage } from '../plan/plan-page.js';
import { renderDifference } from '../plan/render-difference.js';
import type { RenderOptions } from '../plan/render-options.js';
import { renderPlan } from '../plan/render-plan.js';
import { renderSightings, renderStep } from '../plan/render-step.js';
import { type PlannedStep, RunOrder } from '../plan/run-order.js';
import { makeFirstBatch, planRun, stepsOf } from '../plan/run-plan.js';
import { sampleNamed } from '../plan/sample-name.js';
import { paintFor } from '../terminal/color.js';
import { terminalWidth } from '../terminal/wrap.js';
import { wholeNumber } from '../whole-number.js';

interface PlanFlags extends ConfigFlags {
  readonly step?: number;
  readonly sample?: string;
  readonly steps?: number;
  readonly probe?: boolean;
  readonly html?: string;
  readonly json?: boolean;
}

/** `millrace plan`: shows a run before it starts. */
export function planCommand(): Command {
  return withConfigOptions(
    new Command('plan')
      .summary('show which samples a run will see, and when, before it starts')
      .description(
        'Computes the order of a run without reading samples, and shows its batches, tokens, memory, curriculum, mixture, split\n' +
          'over ranks, and problems. Given two configurations, shows their difference.',
      )
      .argument('[config]', configArgument)
      .argument('[other]', 'a configuration to compare with')
      .option(
        '--step <n>',
        'show the samples of global step n on each rank; global steps count from 0 over the run',
        wholeNumber(0),
      )
      .option(
        '--sample <i>',
        'show when sample i is seen; "name:i" for a mixture, "document:i" for packed rows',
      )
      .option(
        '--steps <count>',
        'number of steps to plan (default: as configured, or one epoch)',
        wholeNumber(1),
      )
      .option('--probe', 'make one batch to measure its size')
      .option('--html <file>', 'write the plan as a page')
      .option('--json', 'print everything as JSON'),
  )
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace plan millrace.config.ts',
        '  millrace plan millrace.config.ts --step 1200 --world-size 8',
        '  millrace plan millrace.config.ts --sample 81223',
        '  millrace plan ds_config.json --samples 1_000_000 --html plan.html',
        '  millrace plan before.config.ts after.config.ts',
      ].join('\n'),
    )
    .action(plan);
}

/** A planned run and its source. */
interface Run extends PlannedRun {
  readonly opened: OpenedConfig;
}

async function plan(given: string | undefined, other: string | undefined, flags: PlanFlags): Promise<void> {
  refuseTogether(other, flags);
  const path = given ?? findConfig();
  const look = { paint: paintFor(process.stdout), width: terminalWidth(process.stdout) };
  if (other !== undefined) {
    await withRun(path, flags, (left) => withRun(other, flags, (right) => compare(left, right, flags, look)));
  } else if (flags.step !== undefined) {
    await withOrder(path, flags, async (_opened, order) =>
      showStep(await order.stepAt(flags.step!), flags, look),
    );
  } else if (flags.sample !== undefined) {
    await withOrder(path, flags, (opened, order) => showSample(opened, order, flags, look));
  } else {
    await withRun(path, flags, async (run) => showPlan(run, flags, look));
  }
}

function refuseTogether(other: string | undefined, { step, sample, html }: PlanFlags): void {
  const asked = Object.entries({ '[other]': other, '--step': step, '--sample': sample, '--html': html })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  if (asked.length < 2) return;
  throw new ConfigError('millrace plan', [
    { field: asked[1]!, message: `cannot be given together with ${asked[0]}` },
  ]);
}

async function withOrder(
  path: string,
  flags: PlanFlags,
  use: (opened: OpenedConfig, order: RunOrder, openForRank: OpenForRank) => void | Promise<void>,
): Promise<void> {
  const { opened, openForRank } = await openRun(path, openOptions(flags));
  try {
    await use(opened, new RunOrder(opened, openForRank), openForRank);
  } finally {
    await opened.close();
  }
}

function withRun(path: string, flags: PlanFlags, use: (run: Run) => void | Promise<void>): Promise<void> {
  return withOrder(path, flags, async (opened, order, openForRank) => {
    const planned = await planRun(opened, order, { name: path, steps: flags.steps });
    const findings = await runFindings(planned, opened, order, openForRank);
    const probed = flags.probe
      ? await planRun(opened, order, {
          name: path,
          steps: flags.steps,
          madeBytes: bytesOf(await makeFirstBatch(opened)),
        })
      : planned;
    await use({ opened, order, plan: probed, findings });
  });
}

function showPlan({ plan: planned, findings }: Run, { html, json }: PlanFlags, look: RenderOptions): void {
  if (html) writeFileSync(html, renderPlanPage(planPage(planned, findings)));
  if (json) print(JSON.stringify({ ...planned, findings }));
  else print(renderPlan(planned, findings, look) + (html ? `\n\nPage: ${html}` : ''));
}

function showStep(step: PlannedStep, { json }: PlanFlags, look: RenderOptions): void {
  const asList = (_key: string, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value;
  print(json ? JSON.stringify(step, asList) : renderStep(step, look));
}

async function showSample(
  opened: OpenedConfig,
  order: RunOrder,
  flags: PlanFlags,
  look: RenderOptions,
): Promise<void> {
  const { sample = '', json } = flags;
  const steps = stepsOf(opened, order, flags.steps);
  const sightings = await order.whenSeen(sampleNamed(sample, opened), steps);
  print(
    json
      ? JSON.stringify({ sample, steps, sightings })
      : renderSightings(sample, steps, sightings, order, look),
  );
}

async function compare(left: Run, right: Run, { json }: PlanFlags, look: RenderOptions): Promise<void> {
  const difference = await comparePlans(left, right);
  print(json ? JSON.stringify(difference) : renderDifference(left, right, difference, look));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
