import { type Conversation, pathOf } from './conversation.ts';

/** How the two sides are called. */
export interface Names {
  readonly user: string;
  readonly assistant: string;
}

/** The branch that is shown, as Markdown. */
export function exportMarkdown(conversation: Conversation, names: Names): string {
  const { system, title } = conversation;
  const quoted = system.trim() === '' ? [] : [system.trim().replace(/^/gm, '> ')];
  const turns = pathOf(conversation).map(({ role, content }) => `## ${names[role]}\n\n${content.trim()}`);
  return `${[`# ${title}`, ...quoted, ...turns].join('\n\n')}\n`;
}

/** The branch that is shown, as plain text. */
export function exportText(conversation: Conversation, names: Names): string {
  const turns = pathOf(conversation).map(({ role, content }) => `${names[role]}:\n${content.trim()}`);
  return `${turns.join('\n\n')}\n`;
}
