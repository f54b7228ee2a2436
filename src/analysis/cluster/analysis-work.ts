import * as v from 'valibot';
import { FormatError } from '../../core/errors.js';
import { integerFrom } from '../../core/options.js';
import { type Recipe, recipeOf } from '../../core/recipe.js';
import { formatNames } from '../../formats/format-table.js';
import type { AllowedModules } from '../../parts/cluster/allowed-modules.js';
import type { StartThread, WorkKind, WorkRequest } from '../../parts/cluster/work-kind.js';
import { parseDetails } from '../../parts/cluster/work-payload.js';
import type { WorkSpecification } from '../../parts/cluster/work-specification.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import {
  type AnalysisDescription,
  analysisId,
  checkDescription,
  describeAnalysis,
} from '../analysis-description.js';
import { findRecord } from '../analysis-result.js';
import { deepSpeedPartsSchema, layoutRequired } from '../analyze-difficulty-options.js';
import { loadMetric, type MetricRecipe } from '../metric-source.js';
import type { ReduceRequest } from '../reduce-analysis.js';
import { selectMetrics } from '../select/select-metrics.js';
import { AnalysisWorker } from '../workers/analysis-worker.js';
import type { AnalysisSetup } from '../workers/protocol.js';
import { type DatasetRecipe, openFromRecipe } from './cluster-dataset.js';

/** What a worker needs to work on an analysis. */
export interface AnalysisDetails {
  readonly dataset: DatasetRecipe;
  readonly metrics: readonly MetricRecipe[];
  readonly description: AnalysisDescription;
  readonly request: ReduceRequest;
  readonly needsCounts: boolean;
}

const moduleSchema = v.object({
  module: v.string(),
  export: v.string(),
  calls: v.boolean(),
  options: v.optional(v.unknown()),
});

const selectMetricSchema = v.object({
  select: v.picklist(selectMetrics),
  module: v.optional(v.string()),
  options: v.record(v.string(), v.unknown()),
});

const filesSchema = v.object({
  files: v.string(),
  format: v.optional(v.picklist(formatNames)),
  columns: v.optional(v.array(v.string())),
});

const descriptionSchema = v.looseObject({
  millrace: v.string(),
  dataset: v.string(),
  samples: integerFrom(0),
  partSamples: integerFrom(1),
  metrics: v.array(
    v.looseObject({ name: v.string(), kind: v.string(), scale: v.number(), code: v.string() }),
  ),
  layout: layoutRequired,
  deepSpeedParts: deepSpeedPartsSchema,
});

const detailsSchema = v.object({
  dataset: v.union([filesSchema, moduleSchema]),
  metrics: v.array(v.union([v.string(), selectMetricSchema, moduleSchema])),
  description: descriptionSchema,
  request: v.object({
    ranges: v.array(v.tuple([integerFrom(0), integerFrom(0)])),
    mergeBytes: integerFrom(1),
  }),
  needsCounts: v.boolean(),
});

/** An analysis as a kind of work: counts, if a metric needs them, then measures, then merges. */
export const analysisWork: WorkKind = {
  isDone: async (store, id) => (await findRecord(store, id)) !== undefined,

  async open(specification, outputDir, allowed) {
    const details = parseDetails(detailsSchema, specification.details) as unknown as AnalysisDetails;
    const { description } = details;
    if (analysisId(description) !== specification.id)
      throw new FormatError('The specification is that of another analysis', {
        where: { id: specification.id, found: analysisId(description) },
        next: 'Start the analysis again.',
      });
    checkModules(details, allowed);
    const dataset = await openFromRecipe(details.dataset);
    const metrics = await Promise.all(details.metrics.map(loadMetric));
    checkDescription(description, describeAnalysis(dataset, metrics, description));
    const isFiles = 'files' in details.dataset;
    const recipe = isFiles ? recipeOf(dataset, 'dataset') : (details.dataset as Recipe);
    if (isFiles) await dataset.close?.();
    return threadsOf(details, {
      dataset: recipe,
      metrics: details.metrics,
      outputDir,
      description,
      wholeValues: description.layout !== 'native',
    });
  },
};

/** The phases of an analysis. */
export function phasesOf({
  description,
  request,
  needsCounts,
}: AnalysisDetails): WorkSpecification['phases'] {
  const { samples, partSamples } = description;
  const size = { parts: request.ranges.length, samples, partSamples };
  const counting = { partJob: 'count', joinJob: 'merge-counts', ...size };
  const measuring = { partJob: 'map', joinJob: 'reduce', ...size };
  return needsCounts ? [counting, measuring] : [measuring];
}

function checkModules({ dataset, metrics }: AnalysisDetails, allowed: AllowedModules): void {
  for (const recipe of [dataset, ...metrics])
    if (typeof recipe === 'object' && 'module' in recipe && recipe.module !== undefined)
      allowed.check(recipe.module);
}

function threadsOf(details: AnalysisDetails, setup: AnalysisSetup): StartThread {
  return (id) => {
    const thread = new AnalysisWorker(setup, id);
    return {
      get hasFailed() {
        return thread.hasFailed;
      },
      run: (request, onProgress) => runJob(thread, details, request, onProgress),
      close: () => thread.close(),
    };
  };
}

function runJob(
  thread: AnalysisWorker,
  { request: { ranges, mergeBytes }, needsCounts }: AnalysisDetails,
  { phase, part }: WorkRequest,
  onProgress: OnPartProgress,
): Promise<void> {
  const isCounting = needsCounts && phase === 0;
  const onSamples = (samples: number): void => onProgress({ samples });
  if (part === undefined)
    return isCounting ? thread.mergeCounts(ranges) : thread.finish({ ranges, mergeBytes }, onSamples);
  const range = ranges[part];
  if (!range) return Promise.reject(unknownPart(part));
  return isCounting ? thread.count(range, onSamples) : thread.map(range, onSamples);
}

function unknownPart(part: number): FormatError {
  return new FormatError('The job names a part that the analysis does not have', {
    where: { part },
    next: 'Start the analysis again.',
  });
}
