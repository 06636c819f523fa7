/** The constants of a chat template that it compares messages with, as opposed to those that it writes. */
import { parse, tokenize } from '@huggingface/jinja';

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Arguments of methods (`split`, `startswith`), and operands of `in` and `==`. None for a template that is not Jinja. */
export function comparedTexts(source: string): string[] {
  const texts: string[] = [];
  const visit = (value: unknown, isCompared: boolean): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, isCompared);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const node = value as Node;
    if (node.type === 'StringLiteral') {
      if (isCompared) texts.push(node.value as string);
      return;
    }
    const isMethod =
      node.type === 'CallExpression' && (node.callee as Node | undefined)?.type === 'MemberExpression';
    const operator = node.type === 'BinaryExpression' ? (node.operator as { value: string }).value : '';
    const compares = isMethod || ['in', 'not in', '==', '!='].includes(operator);
    for (const field of Object.values(node)) visit(field, isCompared || compares);
  };
  try {
    visit(parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })).body, false);
  } catch {
    return [];
  }
  return texts;
}
