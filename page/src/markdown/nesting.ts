/** How deep braces, \left and \begin nest at most, counted without a parser. */
export function nestingOf(tex: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [sign] of tex.matchAll(/\\(?:left|right|begin|end)(?![a-zA-Z])|\\.|[{}]/gs)) {
    if (sign === '{' || sign === '\\left' || sign === '\\begin') depth++;
    else if (sign === '}' || sign === '\\right' || sign === '\\end') depth--;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}
