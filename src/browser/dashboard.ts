// The browser replacement for `monitor/dashboard/dashboard`, which serves a page. It is separate from no-node.ts
// because the loader imports it dynamically, and bundlers keep dynamically imported modules whole.
import { absent } from './absent.js';

export const showOnPage = absent('showOnPage');
