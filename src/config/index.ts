export { type ConfigSource, defineConfig, type MillraceConfig } from './config.js';
export { openConfig } from './open-config.js';
export type { OpenedConfig } from './opened-config.js';
