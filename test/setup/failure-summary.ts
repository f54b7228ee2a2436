import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { SerializedError } from '@vitest/utils';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

const maxLines = 60;
/** Of one message or difference. */
const maxTextLines = 8;
const maxLineLength = 200;

/**
 * Prints, as the last lines of a run, which tests failed and why, in at most 60 lines: the end of a log is what a CI server
 * shows.
 */
export default class FailureSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const failures = [
      ...modules.flatMap(failuresOf),
      ...unhandled.map((error) => describe('unhandled', [error])),
    ];
    if (failures.length > 0) console.log(summarize(failures).join('\n'));
  }
}

/** The lines about one failure: where, then what. */
type Failure = readonly string[];

function failuresOf(module: TestModule): Failure[] {
  const path = relative(process.cwd(), module.moduleId);
  const ofModule = module.errors().length > 0 ? [describe(path, module.errors())] : [];
  const ofSuites = [...module.children.allSuites()].flatMap((suite: TestSuite) =>
    suite.errors().length > 0 ? [describe(`${path} > ${suite.fullName}`, suite.errors())] : [],
  );
  const ofTests = [...module.children.allTests('failed')].map((test: TestCase) =>
    describe(`${path} > ${test.fullName}`, test.result().errors ?? []),
  );
  return [...ofModule, ...ofSuites, ...ofTests];
}

function describe(where: string, errors: readonly SerializedError[]): Failure {
  const place = errors[0]?.stacks?.[0];
  const location = place ? ` (${relative(process.cwd(), place.file)}:${place.line})` : '';
  const details = errors.flatMap((error) => [
    ...firstLines(`${error.name ?? 'Error'}: ${error.message}`),
    ...firstLines(stripVTControlCharacters(String(error.diff ?? ''))),
  ]);
  const lines = [`FAIL ${where}${location}`, ...details.map((line) => `  ${line}`)];
  return lines.map((line) => line.slice(0, maxLineLength));
}

function firstLines(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length > maxTextLines ? [...lines.slice(0, maxTextLines), '…'] : lines;
}

/** All of each failure if there is space for it; otherwise an equal share, which starts with its location and message. */
function summarize(failures: readonly Failure[]): string[] {
  const length = failures.reduce((sum, failure) => sum + failure.length, 0);
  const share = length <= maxLines ? maxLines : Math.max(2, Math.floor(maxLines / failures.length));
  const shown = failures.slice(0, maxLines / 2);
  const lines = ['', `Failed: ${failures.length}`, ...shown.flatMap((failure) => failure.slice(0, share))];
  if (shown.length < failures.length) lines.push(`… and ${failures.length - shown.length} more`);
  return lines;
}
