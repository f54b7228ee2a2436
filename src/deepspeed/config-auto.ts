import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { ownValue } from '../core/record.js';

/** What fills in a key that says `"auto"`. */
const fillers = new Map([
  [
    'train_batch_size',
    "Hugging Face's Trainer with per_device_train_batch_size · gradient_accumulation_steps · world size",
  ],
  [
    'train_micro_batch_size_per_gpu',
    "Hugging Face's Trainer with per_device_train_batch_size, Accelerate with the batch size of the data loader",
  ],
  [
    'gradient_accumulation_steps',
    "Hugging Face's Trainer and Accelerate with their gradient_accumulation_steps",
  ],
]);

/**
 * Replaces `"auto"` in the sections that concern a loader by the values that a trainer would fill in. A `train_batch_size` that
 * is not given follows from the other sizes.
 *
 * @param values - By JSON path.
 * @param keys - The top-level keys that concern a loader. `"auto"` elsewhere is left for the trainer.
 * @throws {@link ConfigError} naming every key that has no value, with who fills it in, and every value for a key that does not say
 *   `"auto"`.
 */
export function fillAuto(
  config: unknown,
  values: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config;
  const used = new Set<string>();
  const problems: ConfigProblem[] = [];
  const fill = (value: unknown, path: string): unknown => {
    if (value === 'auto') {
      const given = ownValue(values, path);
      used.add(path);
      if (given === undefined && path !== 'train_batch_size') problems.push(withoutValue(path));
      return given;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, fill(child, `${path}.${key}`)]),
    );
  };
  const filled: Record<string, unknown> = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      keys.includes(key) && key !== 'tensor_parallel' ? fill(value, key) : value,
    ]),
  );
  const follows = typeof filled.train_micro_batch_size_per_gpu === 'number';
  if (used.has('train_batch_size') && filled.train_batch_size === undefined && !follows)
    problems.push(withoutValue('train_batch_size'));
  for (const path of Object.keys(values)) {
    if (!used.has(path))
      problems.push({
        field: path,
        message: 'has a value in auto, but the configuration does not say "auto"',
      });
  }
  if (problems.length === 0) return filled;
  throw new ConfigError('DeepSpeed configuration', problems, {
    next: 'Pass what the trainer uses: parseDeepSpeedConfig(config, { auto: { train_micro_batch_size_per_gpu: 8, … } }).',
  });
}

function withoutValue(field: string): ConfigProblem {
  const filler = fillers.get(field) ?? 'The program that starts the training';
  return { field, message: `is "auto", which ${filler} fills in` };
}
