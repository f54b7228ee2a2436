// A worker of an application's own: its bundler finds the modules.
import { provideModules } from 'millrace/worker';

provideModules({ 'worker:squares': () => import('./squares-module.js') });
