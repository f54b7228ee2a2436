import type { Environment } from '../core/platform.js';
import { VariableReader } from './variable-reader.js';

/**
 * The axes that the environment names: `MILLRACE_DP`, `MILLRACE_TP`, `MILLRACE_PP`, `MILLRACE_CP` and `MILLRACE_EP`, or what
 * `accelerate launch` sets for its parallelism configuration and for Megatron-LM. Its sequence parallelism (Ulysses) shares
 * sequences among ranks as context parallelism does, and counts as that.
 *
 * @throws {@link ConfigError} naming a variable that is not a whole number of at least 1.
 */
export function layoutFromVariables(environment: Environment): Readonly<Record<string, number>> {
  const reader = new VariableReader(environment);
  const size = (...names: readonly string[]): number | undefined => reader.optional(names, 1)?.value;
  const context = size('PARALLELISM_CONFIG_CP_SIZE');
  const ulysses = size('PARALLELISM_CONFIG_SP_SIZE');
  const shared = context === undefined && ulysses === undefined ? undefined : (context ?? 1) * (ulysses ?? 1);
  const axes = {
    dp: size('MILLRACE_DP'),
    tp: size('MILLRACE_TP', 'PARALLELISM_CONFIG_TP_SIZE', 'MEGATRON_LM_TP_DEGREE'),
    pp: size('MILLRACE_PP', 'MEGATRON_LM_PP_DEGREE'),
    cp: size('MILLRACE_CP') ?? shared,
    ep: size('MILLRACE_EP'),
  };
  reader.throwProblems();
  const named = Object.entries(axes).filter((axis): axis is [string, number] => axis[1] !== undefined);
  return Object.fromEntries(named);
}
