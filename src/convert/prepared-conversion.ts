import type { StorageOptions } from '../storage/storage-options.js';
import type { InputFiles } from './conversion-input.js';
import type { ConversionPlan, ResolvedConversion } from './conversion-plan.js';

/** A conversion that is ready to run. */
export interface PreparedConversion {
  readonly inputs: readonly string[];
  readonly files: InputFiles;
  readonly plan: ConversionPlan;
  readonly options: ResolvedConversion;
  readonly storage: StorageOptions;
  /** Identifies the conversion. @defaultValue a digest of input and options */
  readonly job?: string;
}
