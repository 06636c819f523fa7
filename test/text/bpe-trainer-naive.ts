/** The obvious trainer: recount every pair after every merge. The fast one must agree with it. */
export function trainNaively(
  pieces: readonly Uint8Array[],
  tokenOfByte: readonly string[],
  numTokens: number,
  minFrequency: number,
): { tokens: string[]; merges: [string, string][] } {
  const tokens = [...tokenOfByte].sort((a, b) => (a < b ? -1 : 1));
  const words = pieces.map((piece) => Array.from(piece, (byte) => tokens.indexOf(tokenOfByte[byte])));
  const merges: [string, string][] = [];
  while (tokens.length < numTokens) {
    const counts = new Map<number, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = word[i] * numTokens + word[i + 1];
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    // Ties go to the lowest left id, then the lowest right id, which is the order of the keys.
    const [best] = [...counts].sort(([keyA, a], [keyB, b]) => b - a || keyA - keyB);
    if (best === undefined || best[1] < minFrequency) break;
    const left = Math.floor(best[0] / numTokens);
    const right = best[0] % numTokens;
    merges.push([tokens[left], tokens[right]]);
    let merged = tokens.indexOf(tokens[left] + tokens[right]);
    if (merged < 0) merged = tokens.push(tokens[left] + tokens[right]) - 1;
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, merged);
      }
    }
  }
  return { tokens, merges };
}
