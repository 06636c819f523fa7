import { describe, expect, it } from 'vitest';
import { FakeBrowser, listOf } from './tabs.ts';

describe('Chat', () => {
  it('sends once where two Enter keys come in one moment, and answers once where two clicks do', async () => {
    const chat = await new FakeBrowser().open();
    await Promise.all([chat.send('Hello'), chat.send('Hello')]);
    const messages = Object.values(chat.current?.nodes ?? {});
    expect(messages.map(({ content }) => content)).toEqual(['Hello', 'Re: Hello']);
    await Promise.all([chat.regenerate(messages[1].id), chat.regenerate(messages[1].id)]);
    expect(Object.keys(chat.current?.nodes ?? {})).toHaveLength(3);
  });

  it('replaces an answer that was stopped before its first token, and never asks two questions in a row', async () => {
    const browser = new FakeBrowser();
    const chat = await browser.open();
    browser.delay = () => 1000;
    const stopped = chat.send('One');
    chat.stop();
    await stopped;
    browser.delay = () => 1;
    const [, empty] = Object.values(chat.current?.nodes ?? {});
    expect(empty).toMatchObject({ content: '', status: 'stopped' });
    const asked = browser.asked;
    await chat.send('Two');
    expect(asked.at(-1)?.map(({ role, content }) => `${role}: ${content}`)).toEqual(['user: One\n\nTwo']);
    chat.showBranch(empty.id);
    await chat.regenerate(empty.id);
    const again = Object.values(chat.current?.nodes ?? {}).filter(({ parent }) => parent === empty.parent);
    expect(again.map(({ content }) => content)).toEqual(['Re: One']);
  });

  it('opens a conversation at a message of another branch', async () => {
    const chat = await new FakeBrowser().open();
    await chat.send('One');
    const [question] = Object.values(chat.current?.nodes ?? {});
    await chat.edit(question.id, 'Other');
    const id = chat.currentId.value as string;
    chat.show(undefined);
    chat.show(id, question.id);
    expect(chat.current?.leaf).not.toBeNull();
    expect(chat.sought.value).toBe(question.id);
    expect(chat.current?.nodes[chat.current.leaf as string].content).toBe('Re: One');
  });

  it('deletes a message with what follows and brings it back, in every tab', async () => {
    const browser = new FakeBrowser();
    const [a, b] = [await browser.open(), await browser.open()];
    await a.send('One');
    await a.send('Two');
    await browser.quiet();
    const before = listOf(a.conversations.value);
    const second = Object.values(a.current?.nodes ?? {}).find(({ content }) => content === 'Two');
    await a.trash.removeMessage(second?.id ?? '');
    await browser.quiet();
    const left = Object.values(b.conversations.value[0].nodes).map(({ content }) => content);
    expect(left.sort()).toEqual(['One', 'Re: One']);
    expect(a.current?.nodes[a.current.leaf as string].content).toBe('Re: One');
    await a.trash.undo();
    await browser.quiet();
    expect(listOf(a.conversations.value)).toEqual(before);
    expect(listOf(b.conversations.value)).toEqual(before);
  });

  it('brings back a deleted conversation, in every tab and in the database', async () => {
    const browser = new FakeBrowser();
    const [a, b] = [await browser.open(), await browser.open()];
    await a.send('One');
    await browser.quiet();
    const before = listOf(a.conversations.value);
    await a.trash.removeConversation(a.currentId.value as string);
    await browser.quiet();
    expect(b.conversations.value).toEqual([]);
    await a.trash.undo();
    await browser.quiet();
    expect(listOf(b.conversations.value)).toEqual(before);
    expect(listOf((await browser.open()).conversations.value)).toEqual(before);
    // An offer that ended brings nothing back.
    await a.trash.removeConversation(a.currentId.value as string);
    await a.trash.endUndo();
    await a.trash.undo();
    expect(a.conversations.value).toEqual([]);
  });

  it('keeps an edited answer next to the one of the model, and sends the edited one', async () => {
    const browser = new FakeBrowser();
    const chat = await browser.open();
    await chat.send('One');
    chat.editAnswer(chat.current?.leaf as string, 'Corrected');
    await chat.send('Two');
    expect(browser.asked.at(-1)?.map(({ content }) => content)).toEqual(['One', 'Corrected', 'Two']);
    expect(Object.values(chat.current?.nodes ?? {}).map(({ content }) => content)).toContain('Re: One');
  });
});
