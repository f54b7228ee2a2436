import type { CurriculumMetricConfig } from './data-efficiency-config.js';

/**
 * Whether Python represents a difficulty as a float: a schedule with a fractional step returns floats, except for
 * `max_difficulty` if it is not a multiple of the step and ends the schedule.
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

/** Formats a difficulty as Python does: integer floats end in `.0`. */
export function pythonText(difficulty: number, config: CurriculumMetricConfig): string {
  const isWholeFloat = Number.isInteger(difficulty) && isPythonFloat(difficulty, config);
  return isWholeFloat ? `${difficulty}.0` : String(difficulty);
}
