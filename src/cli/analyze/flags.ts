import type { AnalysisLayout } from '../../analysis/analysis-description.js';
import type { ClusterFlags } from '../convert/cluster-flags.js';
import type { DataFlags } from './open-data.js';

/** Flags of `millrace analyze`. */
export interface AnalyzeFlags extends DataFlags, ClusterFlags {
  readonly output: string;
  readonly metrics?: string[];
  readonly metricModule?: string[];
  readonly workers: number;
  readonly memory: number;
  readonly layout: AnalysisLayout;
  readonly sample?: number;
  readonly dryRun?: boolean;
  readonly steps: number;
  readonly html?: string;
  readonly partSamples?: number;
  readonly json?: boolean;
}
