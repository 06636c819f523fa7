const OPEN = '<think>';
const CLOSE = '</think>';

/** How reasoning that comes apart from the answer is kept in one text with it. */
export const THINK_OPEN = `${OPEN}\n`;
export const THINK_CLOSE = `\n${CLOSE}\n\n`;

export interface SplitAnswer {
  /** Undefined where the model wrote none. */
  readonly reasoning: string | undefined;
  readonly answer: string;
  /** It is still thinking, or was stopped while it was. */
  readonly isOpen: boolean;
}

/**
 * What a model thought before its answer, and the answer. Templates of some models end with `<think>`, so that the text has only
 * the end of it, on a line of its own.
 */
export function splitReasoning(content: string): SplitAnswer {
  const start = /^\s*<think>/.exec(content)?.[0].length ?? 0;
  const end = start > 0 ? content.indexOf(CLOSE, start) : endOfLine(content);
  if (end >= 0) {
    const reasoning = content.slice(start, end).trim();
    return {
      reasoning: reasoning === '' ? undefined : reasoning,
      answer: content.slice(end + CLOSE.length).trimStart(),
      isOpen: false,
    };
  }
  if (start === 0) return { reasoning: undefined, answer: content, isOpen: false };
  return { reasoning: content.slice(start).trim(), answer: '', isOpen: true };
}

function endOfLine(content: string): number {
  const at = content.indexOf(`\n${CLOSE}`);
  const after = content[at + 1 + CLOSE.length];
  return at >= 0 && (after === undefined || after === '\n') ? at + 1 : -1;
}
