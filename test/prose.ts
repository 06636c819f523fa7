/** The comments and texts of a source file in TypeScript or C++: what people read, without the code between. */
export interface Prose {
  readonly line: number;
  readonly text: string;
}

/** One entry for each line of a comment, a string or a template. Code inside `${…}` is left out. */
export function proseOf(source: string): Prose[] {
  const found: Prose[] = [];
  let at = 0;
  let line = 1;
  const take = (end: number, isProse: boolean): void => {
    for (const text of source.slice(at, end).split('\n')) {
      if (isProse && text.trim() !== '') found.push({ line, text });
      line++;
    }
    line--;
    at = end;
  };
  const endOf = (text: string, from: number): number => {
    const end = source.indexOf(text, from);
    return end < 0 ? source.length : end + text.length;
  };
  /** Reads code up to `closing`, the brace that ends the `${` of a template; `depth` counts the braces inside. */
  const walk = (closing: string): void => {
    let depth = 0;
    while (at < source.length) {
      const char = source[at];
      const pair = source.slice(at, at + 2);
      if (char === closing && depth === 0) {
        take(at + 1, false);
        return;
      }
      if (pair === '//') take(endOf('\n', at), true);
      else if (pair === '/*') take(endOf('*/', at), true);
      else if (char === '`') template();
      else if (char === '"' || (char === "'" && !/[0-9a-f]/i.test(source[at - 1] ?? '')))
        take(stringEnd(char), true);
      else if (char === '/' && isRegexStart()) take(regexEnd(), false);
      else {
        if (char === '{') depth++;
        if (char === '}') depth--;
        take(at + 1, false);
      }
    }
  };
  const template = (): void => {
    take(at + 1, false);
    let from = at;
    while (from < source.length && source[from] !== '`') {
      if (source[from] === '\\') from += 2;
      else if (source.startsWith('${', from)) {
        take(from, true);
        take(from + 2, false);
        walk('}');
        from = at;
      } else from++;
    }
    take(from, true);
    take(Math.min(from + 1, source.length), false);
  };
  const stringEnd = (quote: string): number => {
    let end = at + 1;
    while (end < source.length && source[end] !== quote && source[end] !== '\n')
      end += source[end] === '\\' ? 2 : 1;
    return end + 1;
  };
  const isRegexStart = (): boolean =>
    /(^|[(,=:[!&|?{};>\n]|return)$/.test(source.slice(Math.max(0, at - 12), at).trimEnd());
  const regexEnd = (): number => {
    let inClass = false;
    for (let end = at + 1; end < source.length; end++) {
      if (source[end] === '\\') end++;
      else if (source[end] === '[') inClass = true;
      else if (source[end] === ']') inClass = false;
      else if (source[end] === '\n' || (source[end] === '/' && !inClass)) return end + 1;
    }
    return source.length;
  };
  walk('');
  return found;
}
