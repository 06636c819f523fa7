import type { MarkdownIt, StateCore } from 'markdown-it';

const BOX = /^\[([ xX])\](?=\s)/;

/** `- [ ]` and `- [x]` show a box. A sign, not a control: nobody can tick what a model wrote. */
export function taskRules(md: MarkdownIt): void {
  md.core.ruler.after('inline', 'tasks', (state: StateCore) => {
    for (const [i, { children }] of state.tokens.entries()) {
      const item = state.tokens[i - 2];
      const first = children?.[0];
      if (item?.type !== 'list_item_open' || first?.type !== 'text') continue;
      const box = BOX.exec(first.content);
      if (!box) continue;
      first.content = (box[1] === ' ' ? '☐' : '☑') + first.content.slice(box[0].length);
      item.attrSet('class', 'task');
    }
  });
}
