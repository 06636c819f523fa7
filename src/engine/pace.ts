import type { Share } from './scheduler.ts';

/** How much longer a step may take for prompts while other requests await their next token. */
const PREFILL_MS = 150;
/** Less than this is not worth reading the weights for. */
const MIN_PREFILL_TOKENS = 16;

/** How many tokens of prompts may go along with requests that await their next token: as many as fit into PREFILL_MS. */
export class Pace {
  /** Running averages: a step of next tokens only, and what a token of a prompt adds to one. */
  private nextMs = 0;
  private promptTokenMs: number | undefined;

  get prefillBudget(): number {
    return Math.max(MIN_PREFILL_TOKENS, Math.floor(PREFILL_MS / (this.promptTokenMs ?? 1)));
  }

  /** A step of these shares took so long. */
  measure(shares: readonly Share[], ms: number): void {
    const numPromptTokens = shares.reduce((sum, { count }) => sum + (count > 1 ? count : 0), 0);
    if (numPromptTokens === 0) this.nextMs = this.nextMs === 0 ? ms : average(this.nextMs, ms);
    if (numPromptTokens < MIN_PREFILL_TOKENS) return;
    const isMixed = shares.some(({ count }) => count === 1);
    const tokenMs = Math.max(0.001, (ms - (isMixed ? this.nextMs : 0)) / numPromptTokens);
    this.promptTokenMs = this.promptTokenMs === undefined ? tokenMs : average(this.promptTokenMs, tokenMs);
  }
}

function average(old: number, value: number): number {
  return 0.8 * old + 0.2 * value;
}
