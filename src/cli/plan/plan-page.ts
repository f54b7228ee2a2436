import type { PlanPage } from '../../web/plan.js';
import { admittedSamples } from './curriculum-plan.js';
import type { Finding } from './findings.js';
import { factsOf } from './plan-facts.js';
import type { RunPlan } from './run-plan.js';

/** Content of a plan's page. */
export function planPage(plan: RunPlan, findings: readonly Finding[]): PlanPage {
  const { curriculum, samples, steps } = plan;
  return {
    name: plan.name,
    facts: factsOf(plan),
    configuration: plan.description,
    findings,
    phases: plan.phases ?? [],
    mixture: plan.mixture ?? [],
    curriculum: curriculum && {
      steps,
      samples,
      neverSeen: curriculum.neverSeen,
      admitted: admittedSamples(curriculum),
      clusters: curriculum.clusters,
      metrics: curriculum.metrics,
    },
  };
}
