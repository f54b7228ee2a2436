// `node --import javascript-in-ts.js train.ts` runs a `.ts` file that has been translated to JavaScript already, in this thread and
// in its workers. To the program this is a Node.js that loads TypeScript itself, as it does from version 22.18 on.
import { register } from 'node:module';

Object.defineProperty(process.features, 'typescript', { value: 'strip' });
const hooks = `
import { readFile } from 'node:fs/promises';
export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  return { format: 'module', source: await readFile(new URL(url)), shortCircuit: true };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
