import { describe, expect, it } from 'vitest';
import { addMessage, newConversation, pathOf, removeBranch } from '../../page/src/core/conversation.ts';
import { exportMarkdown, exportText } from '../../page/src/core/export-text.ts';
import { importFile } from '../../page/src/core/transfer.ts';

const nobody = (): undefined => undefined;
const message = (id: string, parent: string | null, role: 'user' | 'assistant', content: string) =>
  ({ id, parent, role, content, created: Number(id.slice(1)), status: 'done' }) as const;

describe('importFile()', () => {
  it('reads an export of ChatGPT: branches, the one that was shown, without what is hidden', () => {
    const node = (id: string, parent: string | null, role: string, parts: unknown[], time = 1) => ({
      [id]: {
        id,
        parent,
        children: [],
        message: { id, author: { role }, content: { content_type: 'text', parts }, create_time: time },
      },
    });
    const file = [
      {
        title: 'Sea',
        conversation_id: 'aaaa-1',
        create_time: 1700000000.5,
        update_time: 1700000100,
        current_node: 'n5',
        mapping: {
          'client-created-root': { id: 'client-created-root', parent: null, message: null, children: [] },
          ...node('n1', 'client-created-root', 'system', ['']),
          ...node('n2', 'n1', 'user', ['A haiku', { asset_pointer: 'x' }], 1700000001),
          ...node('n3', 'n2', 'tool', ['searched']),
          ...node('n4', 'n3', 'assistant', ['Waves']),
          ...node('n5', 'n3', 'assistant', ['Foam']),
        },
      },
    ];
    const [conversation] = importFile(JSON.stringify(file), nobody).conversations;
    expect(conversation).toMatchObject({
      id: 'aaaa-1',
      title: 'Sea',
      created: 1700000000500,
      isRenamed: true,
    });
    expect(pathOf(conversation).map(({ role, content }) => [role, content])).toEqual([
      ['user', 'A haiku'],
      ['assistant', 'Foam'],
    ]);
    expect(Object.values(conversation.nodes)).toHaveLength(3);
    expect(importFile(JSON.stringify(file), nobody)).toEqual(
      importFile(JSON.stringify(file), () => 'aaaa-1'),
    );
  });

  it('reads an export of Open WebUI with its system prompt', () => {
    const file = [
      {
        id: 'b-2',
        title: 'Sky',
        created_at: 1700000000,
        updated_at: 1700000001,
        chat: {
          params: { system: 'Be brief.' },
          history: {
            currentId: 'm2',
            messages: {
              m1: { id: 'm1', parentId: null, role: 'user', content: 'Why blue?', timestamp: 1700000000 },
              m2: {
                id: 'm2',
                parentId: 'm1',
                role: 'assistant',
                content: 'Scattering.',
                timestamp: 1700000001,
              },
            },
          },
        },
      },
    ];
    const [conversation] = importFile(JSON.stringify(file), nobody).conversations;
    expect(conversation).toMatchObject({ id: 'b-2', title: 'Sky', system: 'Be brief.', leaf: 'm2' });
    expect(pathOf(conversation).map(({ content }) => content)).toEqual(['Why blue?', 'Scattering.']);
  });

  it.each([
    '[]',
    '[1]',
    '[{"mapping":{"a1":null}},{}]',
    '[{"chat":{"history":{"messages":{"m1":{"role":"user"}}}}}]',
  ])('does not trust what looks like one: %s', (text) => {
    try {
      for (const { nodes } of importFile(text, nobody).conversations)
        for (const { content } of Object.values(nodes)) expect(typeof content).toBe('string');
    } catch (error) {
      expect(error).toHaveProperty('reason');
    }
  });
});

describe('text of a conversation', () => {
  const first = addMessage(
    newConversation('c1', 'Be brief.\nBe kind.', 1),
    message('m1', null, 'user', 'Why?'),
  );
  const conversation = addMessage(first, message('m2', 'm1', 'assistant', 'Because **so**.\n'));
  const names = { user: 'You', assistant: 'Answer' };

  it('is Markdown with a heading for each turn, or plain', () => {
    expect(exportMarkdown(conversation, names)).toBe(
      '# Why?\n\n> Be brief.\n> Be kind.\n\n## You\n\nWhy?\n\n## Answer\n\nBecause **so**.\n',
    );
    expect(exportText(conversation, names)).toBe('You:\nWhy?\n\nAnswer:\nBecause **so**.\n');
  });
});

describe('removeBranch()', () => {
  it('removes a message with what follows in every branch, and shows a sibling or the parent', () => {
    const all = [
      message('m1', null, 'user', 'Q'),
      message('m2', 'm1', 'assistant', 'A'),
      message('m3', 'm1', 'assistant', 'B'),
      message('m4', 'm3', 'user', 'Q2'),
      message('m5', 'm3', 'user', 'Q3'),
    ].reduce(addMessage, newConversation('c1', '', 1));
    const { conversation, removed } = removeBranch(all, 'm3');
    expect(removed.map(({ id }) => id)).toEqual(['m3', 'm4', 'm5']);
    expect(conversation.leaf).toBe('m2');
    expect(removeBranch(conversation, 'm2').conversation.leaf).toBe('m1');
    expect(removeBranch(conversation, 'm1').conversation).toMatchObject({ nodes: {}, leaf: null });
  });
});
