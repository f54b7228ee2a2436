import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { type CurriculumConfig, parseCurriculumConfig } from './schedule-config.js';

const root = 'curriculum_learning';

/**
 * Reads the section `curriculum_learning`, DeepSpeed's legacy curriculum.
 *
 * @returns the schedule of sequence lengths, or `null` if the section is not enabled
 * @throws {@link ConfigError} naming every field that is missing or wrong, or that no loader can follow.
 */
export function seqlenCurriculumOf(
  { enabled, ...section }: { readonly enabled: boolean; readonly [key: string]: unknown },
  parity: boolean,
): (CurriculumConfig & { readonly curriculum_type: 'seqlen' }) | null {
  if (!enabled) return null;
  const problems: ConfigProblem[] = [];
  const { curriculum_type: type } = section;
  if (type !== 'seqlen') {
    const message = type === undefined ? 'is missing' : `must be 'seqlen', not ${JSON.stringify(type)}`;
    problems.push({ field: 'curriculum_type', message });
  }
  if (section.schedule_type === 'custom') {
    const message = `is custom: a configuration cannot hold the function`;
    problems.push({ field: 'schedule_type', message });
  }
  try {
    const parsed = parseCurriculumConfig(root, section, parity);
    if (problems.length === 0) return { ...parsed, curriculum_type: 'seqlen' };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  throw new ConfigError(
    'DeepSpeed configuration',
    problems.map(({ field, message }) => ({ field: `${root}.${field}`, message })),
    {
      next: 'This section is the curriculum by sequence length. For other metrics, use data_efficiency.data_sampling.curriculum_learning.',
    },
  );
}
