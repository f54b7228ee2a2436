import type { Finding } from './findings.js';
import { type Fact, factsOf } from './plan-facts.js';
import type { RunOrder } from './run-order.js';
import type { RunPlan } from './run-plan.js';

/** Difference between two configurations. */
export interface PlanDifference {
  /** Facts that differ. A value is absent if that plan lacks the fact. */
  readonly facts: readonly {
    readonly name: string;
    readonly left: string | undefined;
    readonly right: string | undefined;
  }[];
  /** The first step whose global batch differs, if any. */
  readonly firstStep: number | undefined;
  /** Number of steps compared. */
  readonly comparedSteps: number;
}

/** A plan with its order and findings. */
export interface PlannedRun {
  readonly plan: RunPlan;
  readonly order: RunOrder;
  readonly findings: readonly Finding[];
}

/** Maximum number of steps compared. */
const mostSteps = 2_000;

/** Compares facts, and global batches from the start until one differs. */
export async function comparePlans(left: PlannedRun, right: PlannedRun): Promise<PlanDifference> {
  const facts = [describedFacts(left.plan), describedFacts(right.plan)] as const;
  const names = [...new Set([...facts[0].keys(), ...facts[1].keys()])];
  const steps = Math.min(mostSteps, left.plan.stepsPerEpoch, right.plan.stepsPerEpoch);
  return {
    facts: names
      .map((name) => ({ name, left: facts[0].get(name), right: facts[1].get(name) }))
      .filter((fact) => fact.left !== fact.right),
    ...(await compareOrders(left.order, right.order, steps)),
  };
}

function describedFacts(plan: RunPlan): ReadonlyMap<string, string> {
  const all: readonly Fact[] = [...plan.description, ...factsOf(plan)];
  return new Map(all.map(({ name, value }) => [name, value]));
}

async function compareOrders(
  left: RunOrder,
  right: RunOrder,
  steps: number,
): Promise<Pick<PlanDifference, 'firstStep' | 'comparedSteps'>> {
  const others = right.globalBatches(0, 0);
  let step = 0;
  try {
    for await (const batch of left.globalBatches(0, 0)) {
      if (step === steps) break;
      const other = await others.next();
      if (other.done || !equal(left.sourceSamples(batch, 0), right.sourceSamples(other.value, 0)))
        return { firstStep: step, comparedSteps: step + 1 };
      step += 1;
    }
  } finally {
    await others.return(undefined);
  }
  return { firstStep: undefined, comparedSteps: step };
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
