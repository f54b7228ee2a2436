import type { CurriculumMetricConfig } from './data-efficiency-config.js';

/**
 * Whether Python has a difficulty as a float: a schedule whose step is fractional gives floats, except for `max_difficulty`
 * if that is not a multiple of the step and cuts the schedule off.
 */
export function isPythonFloat(
  difficulty: number,
  { schedule_config, max_difficulty }: CurriculumMetricConfig,
): boolean {
  if (!Number.isInteger(difficulty)) return true;
  const step = schedule_config?.difficulty_step ?? 1;
  if (Number.isInteger(step)) return false;
  return difficulty !== max_difficulty || max_difficulty % step === 0;
}

/** A difficulty as Python writes it: whole floats end in `.0`. */
export function pythonText(difficulty: number, config: CurriculumMetricConfig): string {
  const isWholeFloat = Number.isInteger(difficulty) && isPythonFloat(difficulty, config);
  return isWholeFloat ? `${difficulty}.0` : String(difficulty);
}
