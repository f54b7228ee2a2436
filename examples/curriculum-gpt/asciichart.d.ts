declare module 'asciichart' {
  /** What a chart is drawn with; the package brings no types of its own. */
  export interface PlotConfig {
    readonly height?: number;
    readonly min?: number;
    readonly max?: number;
    /** Columns to the left of the axis. */
    readonly offset?: number;
    /** Text of a label at the axis. */
    readonly format?: (value: number, row: number) => string;
  }
  const asciichart: {
    plot(series: readonly number[] | readonly (readonly number[])[], config?: PlotConfig): string;
  };
  export default asciichart;
}
