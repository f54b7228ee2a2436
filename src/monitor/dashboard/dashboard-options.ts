import * as v from 'valibot';
import { parseOptions } from '../../core/options.js';
import type { CountTokens } from '../batch-size.js';

/** Options of the live page. */
export interface DashboardOptions {
  /**
   * Port of the page. If another Millrace run on this machine already serves that port, this run appears on its page;
   * 0 selects any free port.
   * @defaultValue `7117`
   */
  readonly port?: number | undefined;
  /**
   * Address to listen on. Any address except a loopback one requires the token in the URL. @defaultValue
   * `'127.0.0.1'`
   */
  readonly host?: string | undefined;
  /**
   * Token that the URL must contain as `?token=`. @defaultValue none on a loopback address, a random one elsewhere
   */
  readonly token?: string | undefined;
  /**
   * Counts the tokens of a batch. @defaultValue the elements of its first integer tensor with at least two dimensions
   */
  readonly countTokens?: CountTokens | undefined;
  /** Called with the URL of the page. @defaultValue writes a line to standard error */
  readonly onOpen?: ((url: string) => void) | undefined;
}

const functionOption = <F>() => v.custom<F>((value) => typeof value === 'function', 'must be a function');

const optionsSchema = v.strictObject({
  port: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be an integer'),
      v.minValue(0, 'must be 0 or more'),
      v.maxValue(65_535, 'must be 65535 or less'),
    ),
    7117,
  ),
  host: v.optional(v.pipe(v.string('must be an address'), v.nonEmpty('must be an address')), '127.0.0.1'),
  token: v.optional(v.pipe(v.string('must be text'), v.minLength(8, 'must have 8 characters or more'))),
  countTokens: v.optional(functionOption<CountTokens>()),
  onOpen: v.optional(functionOption<(url: string) => void>()),
});

/** Options with their defaults. */
export type ResolvedDashboard = v.InferOutput<typeof optionsSchema>;

/** `true` selects the defaults, `false` disables the page. */
export const dashboardSchema = v.lazy(
  (input): v.GenericSchema<boolean | DashboardOptions, boolean | ResolvedDashboard> =>
    typeof input === 'object' ? optionsSchema : v.boolean('must be true, false or an options object'),
);

export function resolveDashboard(dashboard: true | ResolvedDashboard): ResolvedDashboard {
  return dashboard === true ? v.parse(optionsSchema, {}) : dashboard;
}

/** The setting in the environment: `MILLRACE_DASHBOARD=1` for the defaults, or a port. */
export function dashboardOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): ResolvedDashboard | undefined {
  const wish = environment.MILLRACE_DASHBOARD ?? '';
  if (wish === '' || wish === 'false') return undefined;
  const port = wish === '1' || wish === 'true' ? {} : { port: Number(wish) };
  return parseOptions('MILLRACE_DASHBOARD', optionsSchema, port);
}
