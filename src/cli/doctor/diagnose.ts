import type { OpenedConfig } from '../../config/index.js';
import { isMapDataset } from '../../core/dataset.js';
import { type Finding, planFindings } from '../plan/findings.js';
import type { OpenForRank } from '../plan/open-run.js';
import { RunOrder } from '../plan/run-order.js';
import { planRun, type RunPlan } from '../plan/run-plan.js';
import { leftOutFiles, raggedSamples, skewedLengths, tinyFiles } from './data-checks.js';
import { forgottenEpoch, nonSeekable, notShared } from './order-checks.js';
import { seedsCollide, seedsDiffer } from './seed-checks.js';

/** What was looked at, and what was found. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Samples of the data; `undefined` of a stream that does not know. */
  readonly samples: number | undefined;
  readonly plan: RunPlan | undefined;
  /** Files of each folder or pattern that are not read, by reason. */
  readonly leftOut: readonly string[];
}

/** Looks for what will hurt in a configuration and its data. Reads no sample. */
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

/** Everything that is found in a run with a plan: what `millrace doctor` and `millrace plan` both show. What fails first comes first. */
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
    seedsCollide(opened),
    skewedLengths(plan, opened),
  ]);
}

/** What is found without an order. */
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
