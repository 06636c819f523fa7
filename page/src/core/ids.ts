export function newId(): string {
  // Not randomUUID: browsers keep that from pages that came over plain HTTP from another machine.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
