// `node --import javascript-in-ts.js train.ts` runs a `.ts` file that has been translated to JavaScript already, in this thread and
// in its workers. To the program this is a Node.js that loads TypeScript itself, as it does from version 22.18 on. A program that is
// imported with a query, `train.ts?run=2`, passes it on to the modules that it imports, so that they are loaded anew with it.
import { register } from 'node:module';

Object.defineProperty(process.features, 'typescript', { value: 'strip' });
const hooks = `
import { readFile } from 'node:fs/promises';
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  const { search } = new URL(context.parentURL ?? 'file:');
  return resolved.url.endsWith('.ts') ? { ...resolved, url: resolved.url + search } : resolved;
}
export async function load(url, context, next) {
  if (!new URL(url).pathname.endsWith('.ts')) return next(url, context);
  return { format: 'module', source: await readFile(new URL(url)), shortCircuit: true };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
