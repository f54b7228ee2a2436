import { type ObjectStore, readObject } from '../storage/object-store.js';
import { type AnalysisDescription, type AnalysisLayout, analysisId } from './analysis-description.js';
import { metricPrefix } from './index-files.js';
import { difficultyPath, type ReducedMetrics } from './reduce-analysis.js';

/** Content of `analysis.json`: the description and the results of a finished analysis. */
export interface AnalysisRecord extends ReducedMetrics {
  readonly description: AnalysisDescription;
}

const name = 'analysis.json';

export function writeRecord(store: ObjectStore, record: AnalysisRecord): Promise<void> {
  return store.put(name, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
}

/** The results of an earlier run, if its files still exist. */
export async function findRecord(store: ObjectStore, id: string): Promise<AnalysisRecord | undefined> {
  const bytes = await readObject(store, name);
  const record = bytes && parse(new TextDecoder().decode(bytes));
  if (!record || analysisId(record.description) !== id) return undefined;
  const { metrics, layout } = record.description;
  for (const metric of metrics) if (!(await isThere(store, resultFile(metric, layout)))) return undefined;
  return record;
}

/** The last file that is written for a metric. */
function resultFile(
  { name: metric, kind }: { readonly name: string; readonly kind: string },
  layout: AnalysisLayout,
) {
  const prefix = metricPrefix('', metric);
  if (kind === 'count') return `${prefix}_metric_value.idx`;
  return layout === 'native' ? difficultyPath('', metric) : `${prefix}_index_to_sample_percentile_merged.idx`;
}

async function isThere(store: ObjectStore, file: string): Promise<boolean> {
  const source = await store.open(file);
  source?.close();
  return source !== undefined;
}

function parse(text: string): AnalysisRecord | undefined {
  try {
    const record: AnalysisRecord = JSON.parse(text);
    return record;
  } catch {
    return undefined;
  }
}
