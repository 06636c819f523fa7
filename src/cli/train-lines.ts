import { formatBytes, formatCount, formatDuration } from '../core/units.ts';
import type { LogRecord } from '../train/run-folder.ts';
import type { StepFacts } from '../train/trainer.ts';
import type { ValidationResult } from '../train/validation.ts';

/** After the first step of a process: that it learns, and how long it will take. */
export function describeFirstStep(
  { step, tokens }: { readonly step: number; readonly tokens: number },
  { loss, tokens: stepTokens, ms }: StepFacts,
  totalTokens: number,
): string {
  const left = (ms / stepTokens) * (totalTokens - tokens);
  const rate = formatCount((1000 * stepTokens) / ms);
  return `step ${formatCount(step)}  loss ${loss.toFixed(4)}  ${rate} tok/s${left > 0 ? `, about ${formatDuration(left)} left` : ''}`;
}

/** A record of a run's log as one line for people. */
export function describeRecord(record: LogRecord): string {
  const numbers = record as LogRecord & Record<string, number>;
  if (record.type === 'start') {
    const [stored, working] = [numbers.storeBytes, numbers.workingBytes].map(formatBytes);
    return `${record.backend}: ${stored} for parameters and optimiser, ${working} for a micro-batch`;
  }
  const at = `step ${formatCount(record.step)}`;
  if (record.type === 'step') {
    const layers = record.layers as { maxViolation: number; numDead: number }[];
    const worst = Math.max(0, ...layers.map(({ maxViolation }) => maxViolation));
    const dead = layers.reduce((sum, { numDead }) => sum + numDead, 0);
    return [
      `${at}  ${formatCount(numbers.tokens)} tokens  loss ${numbers.loss.toFixed(4)}`,
      `lr ${numbers.learningRate.toExponential(2)}  |g| ${numbers.gradientNorm.toFixed(2)}`,
      `${formatCount(numbers.tokensPerSecond)} tok/s`,
      layers.length > 0 ? `load +${Math.round(100 * worst)}%${dead > 0 ? `, ${dead} dead` : ''}` : '',
    ]
      .filter((part) => part !== '')
      .join('  ');
  }
  if (record.type === 'validation') {
    const { sets } = record as unknown as ValidationResult;
    const parts = Object.entries(sets).map(([name, { loss, bitsPerByte }]) => {
      const bits = bitsPerByte === undefined ? '' : ` (${bitsPerByte.toFixed(4)} bits/byte)`;
      return `${name} ${loss.toFixed(4)}${bits}`;
    });
    return `${at}  held-out: ${parts.join(', ')}`;
  }
  if (record.type === 'checkpoint') return `${at}  saved ${record.path}`;
  return '';
}
