/** The part of the page's address that names a conversation: `#/c/ID`. */
export function addressOf(id: string | undefined): string {
  return id === undefined ? '' : `#/c/${encodeURIComponent(id)}`;
}

export function conversationAt(hash: string): string | undefined {
  const [, id] = /^#\/c\/([^/]+)$/.exec(hash) ?? [];
  try {
    return id && decodeURIComponent(id);
  } catch {
    return undefined;
  }
}
