import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat } from '../../../page/src/core/chat.ts';
import { addMessage, newConversation } from '../../../page/src/core/conversation.ts';
import { exportJson } from '../../../page/src/core/transfer.ts';
import { FakeBrowser, listOf, openStorage, turns } from './tabs.ts';

interface Step {
  readonly tab: number;
  readonly what: 'begin' | 'ask' | 'edit' | 'delete' | 'rename' | 'import';
  /** Which conversation, and which question of it. */
  readonly pick: number;
  /** Turns of the event loop before the next step. */
  readonly pause: number;
}

const steps = fc.array(
  fc.record<Step>({
    tab: fc.nat(1),
    what: fc.constantFrom('begin', 'ask', 'ask', 'ask', 'edit', 'delete', 'rename', 'import'),
    pick: fc.nat(20),
    pause: fc.nat(12),
  }),
  { minLength: 4, maxLength: 14 },
);

/** What has to be true in the end, whoever did what when. */
class Expected {
  /** Questions by conversation. */
  readonly asked = new Map<string, string[]>();
  readonly deleted = new Set<string>();
  /** How often, by the conversation in the file. Only an import brings back what was deleted. */
  readonly imports = new Map<string, number>();
  readonly titles = new Map<string, string[]>();

  note(tab: Chat, text: string): void {
    const conversation = tab.current;
    const isTaken = Object.values(conversation?.nodes ?? {}).some(({ content }) => content === text);
    if (conversation && isTaken)
      this.asked.set(conversation.id, [...(this.asked.get(conversation.id) ?? []), text]);
  }
}

/** From another browser. */
function fileOf(id: string): string {
  const done = { created: 1, status: 'done' } as const;
  const question = { id: `${id}q1`, parent: null, role: 'user', content: id, ...done } as const;
  const answer = { id: `${id}a1`, parent: question.id, role: 'assistant', content: 'Yes', ...done } as const;
  const conversation = addMessage(addMessage(newConversation(id, '', 1), question), answer);
  return exportJson({ conversations: [conversation], recordings: new Map() });
}

function take(tab: Chat, { what, pick }: Step, n: number, expected: Expected): Promise<unknown> {
  const all = tab.conversations.value;
  const conversation = all[pick % Math.max(1, all.length)];
  const text = `${what} ${n}`;
  const noted = (done: Promise<void>): Promise<void> => {
    expected.note(tab, text);
    return done;
  };
  if (what === 'begin' || !conversation) {
    tab.show(undefined);
    return noted(tab.send(text));
  }
  const { id, nodes } = conversation;
  switch (what) {
    case 'ask':
      tab.show(id);
      return noted(tab.send(text));
    case 'edit': {
      tab.show(id);
      const questions = Object.values(nodes).filter(({ role }) => role === 'user');
      return noted(tab.edit(questions[pick % questions.length].id, text));
    }
    case 'delete':
      expected.deleted.add(id);
      return tab.trash.removeConversation(id);
    case 'rename':
      expected.titles.set(id, [...(expected.titles.get(id) ?? []), text]);
      tab.rename(id, text);
      return Promise.resolve();
    case 'import': {
      const file = `file${pick % 3}`;
      expected.imports.set(file, (expected.imports.get(file) ?? 0) + 1);
      return tab.import(fileOf(file));
    }
  }
}

describe('two tabs', () => {
  it('lose nothing, bring nothing back and show the same list, whatever they do at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.array(fc.nat(9), { minLength: 1 }), async (all, delays) => {
        const browser = new FakeBrowser();
        let numDelays = 0;
        browser.delay = () => delays[numDelays++ % delays.length];
        const tabs = [await browser.open(), await browser.open()];
        const expected = new Expected();
        const underway: Promise<unknown>[] = [];
        for (const [n, step] of all.entries()) {
          underway.push(take(tabs[step.tab], step, n, expected));
          await turns(step.pause);
        }
        await Promise.all(underway);
        await browser.quiet();

        const stored = await (await openStorage(browser.factory)).conversations();
        expect(listOf(tabs[0].conversations.value)).toEqual(listOf(stored));
        expect(listOf(tabs[1].conversations.value)).toEqual(listOf(stored));
        const byId = new Map(stored.map((conversation) => [conversation.id, conversation]));
        for (const [id, texts] of expected.asked) {
          if (expected.deleted.has(id)) continue;
          const messages = Object.values(byId.get(id)?.nodes ?? {});
          for (const text of texts) {
            const question = messages.find(({ content }) => content === text);
            expect(question, `${text} is lost`).toBeDefined();
            const answers = messages.filter(({ parent }) => parent === question?.id);
            expect(answers.map(({ content, status }) => [content, status])).toContainEqual([
              `Re: ${text}`,
              'done',
            ]);
          }
        }
        for (const id of expected.deleted)
          if ((expected.imports.get(id) ?? 0) < 2) expect(byId.has(id), `${id} came back`).toBe(false);
        for (const id of expected.imports.keys()) {
          const copies = stored.filter(({ title }) => title === id);
          if (!expected.deleted.has(id) && !expected.titles.has(id)) expect(copies).toHaveLength(1);
        }
        for (const [id, titles] of expected.titles)
          if (byId.has(id) && (expected.imports.get(id) ?? 0) < 2)
            expect(titles).toContain(byId.get(id)?.title);
      }),
      { numRuns: 200 },
    );
  });
});
