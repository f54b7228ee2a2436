import type { OpenedConfig } from '../../config/index.js';
import { isMapDataset } from '../../core/dataset.js';
import { type Finding, planFindings } from '../plan/findings.js';
import type { OpenForRank } from '../plan/open-run.js';
import { RunOrder } from '../plan/run-order.js';
import { planRun, type RunPlan } from '../plan/run-plan.js';
import { trainedChatFindings } from './chat-checks.js';
import { leftOutFiles, raggedSamples, skewedLengths, tinyFiles } from './data-checks.js';
import { forgottenEpoch, nonSeekable, notShared } from './order-checks.js';
import { seedsCollide, seedsDiffer } from './seed-checks.js';

/** Result of a diagnosis. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Number of samples; `undefined` for a stream of unknown length. */
  readonly samples: number | undefined;
  readonly plan: RunPlan | undefined;
  /** Files not read, per folder or pattern, by reason. */
  readonly leftOut: readonly string[];
}

/** Finds problems in a configuration and its data. Reads no sample, except conversations that are trained on. */
export async function diagnose(
  name: string,
  opened: OpenedConfig,
  openForRank: OpenForRank,
): Promise<Diagnosis> {
  const { dataset } = opened;
  const leftOut = await leftOutFiles(opened.files);
  if (!isMapDataset(dataset)) {
    const findings = found(await loaderChecks(opened, openForRank));
    return { findings, samples: dataset.length, plan: undefined, leftOut };
  }
  const order = new RunOrder(opened, openForRank);
  const plan = await planRun(opened, order, { name });
  const findings = await runFindings(plan, opened, order, openForRank);
  return { findings, samples: dataset.length, plan, leftOut };
}

/** Findings for a run with a plan, which `millrace doctor` and `millrace plan` show. Sorted by when they take effect. */
export async function runFindings(
  plan: RunPlan,
  opened: OpenedConfig,
  order: RunOrder,
  openForRank: OpenForRank,
): Promise<Finding[]> {
  return found([
    raggedSamples(plan, opened),
    ...(await loaderChecks(opened, openForRank)),
    ...(await planFindings(plan, opened, order)),
    await forgottenEpoch(opened, order),
    ...(await trainedChatFindings(opened.dataset)),
    seedsCollide(opened),
    skewedLengths(plan, opened),
  ]);
}

/** Findings that need no order. */
async function loaderChecks(
  opened: OpenedConfig,
  openForRank: OpenForRank,
): Promise<readonly (Finding | undefined)[]> {
  return [
    await tinyFiles(opened.files),
    nonSeekable(opened),
    notShared(opened),
    await seedsDiffer(opened, openForRank),
  ];
}

function found(checks: readonly (Finding | undefined)[]): Finding[] {
  return checks.filter((finding) => finding !== undefined);
}
