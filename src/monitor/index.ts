export { ThroughputTimer, type ThroughputTimerOptions } from './throughput-timer.js';
