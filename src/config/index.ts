export {
  type ConfigSource,
  type CurriculumSection,
  defineConfig,
  type FilesConfig,
  type Launch,
  type LoaderConfig,
  type MetricConfig,
  type MillraceConfig,
  type MixtureConfig,
  type MixtureSourceConfig,
  type SourceConfig,
  type TrainingConfig,
} from './config.js';
export { openConfig } from './open-config.js';
export type { AnyLoader, OpenConfigOptions, OpenedConfig } from './opened-config.js';
