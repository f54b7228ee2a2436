export {
  type ConfigSource,
  type CurriculumSection,
  defineConfig,
  type FilesConfig,
  type Launch,
  type MetricConfig,
  type MillraceConfig,
  type MixtureConfig,
  type MixtureSourceConfig,
  type SourceConfig,
  type TrainingConfig,
} from './config.js';
export { type AnyLoader, type OpenConfigOptions, type OpenedConfig, openConfig } from './open-config.js';
