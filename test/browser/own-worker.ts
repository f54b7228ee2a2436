// An application's own worker, whose modules its bundler resolves.
import { provideModules } from 'millrace/worker';

provideModules({ 'worker:squares': () => import('./squares-module.js') });
