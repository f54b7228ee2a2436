export { defineConfig, type MillraceConfig } from './config.js';
export { openConfig } from './open-config.js';
export type { OpenConfigOptions, OpenedConfig } from './opened-config.js';
