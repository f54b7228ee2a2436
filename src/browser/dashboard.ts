// What bundlers for browsers put in the place of `monitor/dashboard/dashboard`, which serves a page. Apart from no-node.ts: the loader
// imports it, and what is imported dynamically stays in a bundle whole.
import { absent } from './absent.js';

export const showOnPage = absent('showOnPage');
