import { addressOf, conversationAt } from '../core/address.ts';
import type { Chat } from '../core/chat.ts';

/** Keeps the address and the conversation that is shown the same; Back and Forward go through conversations. */
export function followAddress(chat: Chat): void {
  const fromAddress = (): void => {
    const id = conversationAt(location.hash);
    chat.show(chat.conversations.value.some((conversation) => conversation.id === id) ? id : undefined);
    toAddress('replaceState');
  };
  const toAddress = (how: 'pushState' | 'replaceState'): void => {
    const address = addressOf(chat.currentId.value);
    if (location.hash !== address) history[how](null, '', address || location.pathname + location.search);
  };
  const isThere = (id: string | undefined): boolean =>
    id === undefined || chat.conversations.value.some((conversation) => conversation.id === id);
  fromAddress();
  addEventListener('popstate', fromAddress);
  chat.currentId.subscribe(() => {
    // An address that has just become void is nothing to come back to.
    toAddress(isThere(conversationAt(location.hash)) ? 'pushState' : 'replaceState');
  });
}

/** `?q=` fills the field; it does not send, because an address may come from anywhere. Returns it and takes it out. */
export function takeQuestion(): string | undefined {
  const address = new URL(location.href);
  const question = address.searchParams.get('q') ?? undefined;
  if (question === undefined) return undefined;
  address.searchParams.delete('q');
  history.replaceState(null, '', address);
  return question;
}
