import { describe, expect, it } from 'vitest';
import { addressOf, conversationAt } from '../../page/src/core/address.ts';
import { Drafts, type TextStore } from '../../page/src/core/drafts.ts';

function textStore(): TextStore {
  const texts = new Map<string, string>();
  return { getItem: (key) => texts.get(key) ?? null, setItem: (key, text) => void texts.set(key, text) };
}

describe('Drafts', () => {
  it('belong to one conversation each, survive a reload, and do not overwrite those of another tab', () => {
    const store = textStore();
    const [a, b] = [new Drafts(store), new Drafts(store)];
    a.set('c1', 'One');
    b.set(undefined, 'New');
    a.set('c2', 'Two');
    a.set('c1', '');
    const later = new Drafts(store);
    expect([later.of('c1'), later.of('c2'), later.of(undefined)]).toEqual(['', 'Two', 'New']);
  });

  it.each(['no JSON', 'null', '{"c1":1}'])('are empty where %s is stored', (text) => {
    const store = textStore();
    store.setItem('dots.drafts', text);
    const drafts = new Drafts(store);
    expect(drafts.of('c1')).toBe('');
    drafts.set('c1', 'Typed');
    expect(drafts.of('c1')).toBe('Typed');
  });

  it('last as long as the page where nothing can be stored', () => {
    const drafts = new Drafts(undefined);
    drafts.set('c1', 'One');
    drafts.set('c2', 'Two');
    expect([drafts.of('c1'), drafts.of('c2')]).toEqual(['One', 'Two']);
  });
});

describe('addresses', () => {
  it('name a conversation, and others name none', () => {
    expect(conversationAt(addressOf('a b/c'))).toBe('a b/c');
    for (const hash of ['', '#', '#/c/', '#/c/a/b', '#/c/%', addressOf(undefined)])
      expect(conversationAt(hash)).toBeFalsy();
  });
});
