import { writeRecord } from './analysis-result.js';
import { type OnSamples, RangeWork } from './range-work.js';
import { type ReducedMetrics, type ReduceRequest, reduceAnalysis } from './reduce-analysis.js';

/** Merges the parts, records that the analysis is complete, and removes the parts. */
export async function finishAnalysis(
  work: RangeWork,
  request: ReduceRequest,
  onSamples: OnSamples,
): Promise<ReducedMetrics> {
  const { store, description } = work.options;
  const reduced = await reduceAnalysis(work, request, onSamples);
  await writeRecord(store, { description, ...reduced });
  await store.remove(`${RangeWork.folder(description)}/`);
  return reduced;
}
