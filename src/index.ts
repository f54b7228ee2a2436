export * from './core/index.js';
export * from './datasets/index.js';
export * from './loader/index.js';
export * from './samplers/index.js';
