// Start of a process: importing Millrace and short commands, as single modules and as the package that is published.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atLeast, atMost, compare, nodeCommand, type Report, resultOf } from './measure.js';

export const title = 'Start of a Node.js process';
export const unit = 'ms';
export const measure = 'time' as const;

const root = new URL('..', import.meta.url);
const builds = { modules: 'dist/', package: 'package/dist/' };
const commands = { help: ['--help'], version: ['--version'], completion: ['completion', 'bash'] };

export default function run(): Report {
  execFileSync(process.execPath, ['scripts/package.js'], { cwd: root, stdio: 'inherit' });
  const evaluate = (code: string) => nodeCommand('start.js', '--input-type=module', '--eval', code);
  const contestants = [
    { name: 'nothing', command: nodeCommand('start.js', '--eval', '0') },
    { name: 'an empty module', command: evaluate('') },
    ...Object.entries(builds).flatMap(([build, folder]) => [
      { name: `import, ${build}`, command: evaluate(`import '${new URL(`${folder}index.js`, root)}'`) },
      ...Object.entries(commands).map(([name, args]) => ({
        name: `${name}, ${build}`,
        command: nodeCommand('start.js', fileURLToPath(new URL(`${folder}cli/main.js`, root)), ...args),
      })),
    ]),
  ];
  const results = compare(contestants, 'time', 7);
  const value = (name: string) => resultOf(results, name).value;
  const importing = (build: string) => value(`import, ${build}`) - value('an empty module');
  return {
    results,
    goals: [
      atMost('import of the package, ms', importing('package'), 38),
      atLeast('import, modules against the package', importing('modules') / importing('package'), 3),
      ...Object.keys(commands).map((name) =>
        atMost(`${name}, package, against nothing`, value(`${name}, package`) / value('nothing'), 2),
      ),
    ],
  };
}
