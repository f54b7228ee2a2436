import { describe, expect, it } from 'vitest';
import { ThroughputTimer, type ThroughputTimerOptions } from '../../dist/deepspeed/throughput-timer.js';

function timed(options: ThroughputTimerOptions = {}) {
  const clock = { ms: 0 };
  const lines: string[] = [];
  const timer = new ThroughputTimer({
    batchSize: 8,
    synchronized: false,
    now: () => clock.ms,
    log: (line) => lines.push(line),
    ...options,
  });
  const step = (ms: number, globalStep = true): void => {
    timer.start();
    clock.ms += ms;
    timer.stop({ globalStep });
  };
  return { clock, lines, timer, step };
}

describe('ThroughputTimer', () => {
  it('skips the first two global steps and then averages samples per second', () => {
    const { timer, step } = timed();
    step(10_000);
    step(10_000);
    expect(timer.averageSamplesPerSecond()).toBeNull();
    step(500);
    step(1500);
    expect(timer.averageSamplesPerSecond()).toBe(8);
    expect(timer.globalStepCount).toBe(4);
    expect(timer.totalElapsedMs).toBe(2000);
  });

  it('has no average until a global step has ended, even if time was measured', () => {
    const { timer, step } = timed({ startStep: 0 });
    step(100, false);
    expect(timer.totalElapsedMs).toBe(100);
    expect(timer.averageSamplesPerSecond()).toBeNull();
  });

  it('sums the micro-steps of a global step, without the time between them', () => {
    const { timer, step, clock } = timed({ startStep: 0 });
    step(100, false);
    clock.ms += 5000;
    step(300, true);
    expect(timer.totalElapsedMs).toBe(400);
    expect(timer.averageSamplesPerSecond()).toBe(20);
    expect(timer.microStepCount).toBe(2);
    timer.updateEpochCount();
    expect([timer.epochCount, timer.microStepCount]).toEqual([1, 0]);
  });

  it('reports every stepsPerOutput global steps, for the last step and for all steps', () => {
    const { lines, step } = timed({ startStep: 1, stepsPerOutput: 2 });
    step(1000);
    expect(lines).toEqual([]);
    step(2000);
    expect(lines).toEqual([
      expect.stringMatching(
        /^epoch=0\/micro_step=2\/global_step=2, RunningAvgSamplesPerSec=4, CurrSamplesPerSec=4, MemAllocated=/,
      ),
    ]);
  });

  it('adds a line with the memory of the host where monitorMemory asks for it, as DeepSpeed does', () => {
    const { lines, step } = timed({ startStep: 0, stepsPerOutput: 1, monitorMemory: true });
    step(1000);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^epoch=0\/micro_step=1\/global_step=1, vm %: \d+(\.\d)?, swap %: (\d+(\.\d)?|unknown)$/,
    );
    expect(Number(/vm %: ([\d.]+)/.exec(lines[1]!)![1])).toBeGreaterThan(0);
  });

  it('includes the memory of the device in a report', () => {
    const { timer } = timed();
    expect(timer.report()).toMatch(/MemAllocated=\d+(\.\d+)?GB, MaxMemAllocated=\d+(\.\d+)?GB$/);
  });

  it('does nothing if disabled, or if stopped without a start', () => {
    const disabled = timed({ enabled: false, startStep: 0 });
    disabled.step(10);
    expect(disabled.timer.globalStepCount).toBe(0);
    const { timer } = timed();
    timer.stop({ globalStep: true });
    expect(timer.globalStepCount).toBe(0);
  });

  it('waits for the device before and after each measured step, and only then', () => {
    let waits = 0;
    const { step } = timed({ synchronized: true, startStep: 1, synchronize: () => void waits++ });
    step(1);
    expect(waits).toBe(0);
    step(1);
    expect(waits).toBe(2);
  });

  it('divides by zero like the original with parity', () => {
    const { timer, step } = timed({ parity: true });
    expect(timer.averageSamplesPerSecond()).toBe(Number.NEGATIVE_INFINITY);
    step(10);
    expect(() => timer.averageSamplesPerSecond()).toThrow(/ZeroDivisionError/);
    step(10);
    expect(() => timer.averageSamplesPerSecond()).toThrow(/ZeroDivisionError/);
  });

  it.each([
    [{ batchSize: 0 }, 'batchSize'],
    [{ stepsPerOutput: 0 }, 'stepsPerOutput'],
    [{ stepPerOutput: 1 }, 'stepsPerOutput'],
  ])('rejects %j and names the field', (options, field) => {
    expect(() => new ThroughputTimer(options as ThroughputTimerOptions)).toThrow(field);
  });
});
