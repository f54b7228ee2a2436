import type { AnalysisLayout } from '../../analysis/analysis-description.js';
import type { DataFlags } from './open-data.js';

/** Flags of `millrace analyze`. */
export interface AnalyzeFlags extends DataFlags {
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
  readonly engine: 'local' | 'bullmq';
  readonly redis?: string;
  readonly queue?: string;
  readonly partSamples?: number;
  readonly cancel?: boolean;
  readonly json?: boolean;
}
