// Writes the public surface of every entry point to api/, or with --check compares it with what is committed there.
// The reports are made by API Extractor from the declarations in dist/.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { root } from './toolchain.js';

const check = process.argv.includes('--check');
const folder = join(root, 'api');
const temporary = join(root, 'dist', 'api');
const { exports } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
/** Entry points that export names. The worker program runs; package.json is data. */
const entries = Object.entries(exports).filter(([name]) => !['./worker', './package.json'].includes(name));

mkdirSync(folder, { recursive: true });
rmSync(temporary, { recursive: true, force: true });
const configs = entries.map(([name, target]) => configOf(reportName(name), target));
const compilerState = CompilerState.create(configs[0], {
  additionalEntryPoints: configs.slice(1).map((config) => config.mainEntryPointFilePath),
});
const changed = [];
for (const config of configs) {
  const { apiReportChanged } = Extractor.invoke(config, {
    compilerState,
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error;
    },
  });
  if (apiReportChanged) changed.push(config.reportFilePath.slice(root.length));
}
const expected = new Set(entries.map(([name]) => `${reportName(name)}.api.md`));
for (const file of readdirSync(folder).filter((name) => !expected.has(name))) {
  changed.push(`api/${file}`);
  if (!check) rmSync(join(folder, file));
}
const counts = entries.map(([name]) => [
  name,
  exportedNames(readFileSync(join(folder, `${reportName(name)}.api.md`), 'utf8')),
]);
const total = counts.reduce((sum, [, names]) => sum + names, 0);
console.log(`Public surface: ${total} names in ${entries.length} entry points.`);
if (check && changed.length > 0) {
  console.error(
    `The public surface changed: ${changed.join(', ')}. If that is meant, run npm run api and commit api/.`,
  );
  process.exit(1);
}

function reportName(entry) {
  return entry === '.' ? 'millrace' : entry.slice(2);
}

function exportedNames(report) {
  return report.match(/^(export |\/\/ @public)/gm)?.filter((line) => line.startsWith('export ')).length ?? 0;
}

function configOf(name, target) {
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, target.replace(/\.js$/, '.d.ts')),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
      newlineKind: 'lf',
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: folder,
        reportTempFolder: temporary,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: { default: { logLevel: 'none', addToApiReportFile: false } },
        tsdocMessageReporting: { default: { logLevel: 'none', addToApiReportFile: false } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  });
}
