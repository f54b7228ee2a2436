import type { OpenedConfig } from '../../config/index.js';
import { isMapDataset } from '../../core/dataset.js';
import { type Finding, planFindings } from '../plan/findings.js';
import type { OpenForRank } from '../plan/open-run.js';
import { RunOrder } from '../plan/run-order.js';
import { planRun, type RunPlan } from '../plan/run-plan.js';
import { raggedSamples, skewedLengths, tinyFiles } from './data-checks.js';
import { forgottenEpoch, nonSeekable, notShared } from './order-checks.js';
import { seedsCollide, seedsDiffer } from './seed-checks.js';

/** What was looked at, and what was found. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Samples of the data; `undefined` of a stream that does not know. */
  readonly samples: number | undefined;
  readonly plan: RunPlan | undefined;
}

/** Looks for what will hurt in a configuration and its data. Reads no sample. */
export async function diagnose(
  name: string,
  opened: OpenedConfig,
  openForRank: OpenForRank,
): Promise<Diagnosis> {
  const { dataset } = opened;
  const checks = [
    await tinyFiles(opened.files),
    nonSeekable(opened),
    notShared(opened),
    await seedsDiffer(opened, openForRank),
  ];
  if (!isMapDataset(dataset)) return { findings: found(checks), samples: dataset.length, plan: undefined };
  const order = new RunOrder(opened, openForRank);
  const plan = await planRun(opened, order, { name });
  checks.push(
    ...(await planFindings(plan, opened, order)),
    await forgottenEpoch(opened, order),
    seedsCollide(opened),
    skewedLengths(plan, opened),
    raggedSamples(plan, opened),
  );
  return { findings: found(checks), samples: dataset.length, plan };
}

function found(checks: readonly (Finding | undefined)[]): Finding[] {
  return checks.filter((finding) => finding !== undefined);
}
