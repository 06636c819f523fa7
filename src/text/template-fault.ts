/** Where a Jinja template is broken. The parser doesn't say; this looks at each tag by itself. */
import { parse, tokenize } from '@huggingface/jinja';

export interface TemplateFault {
  /** Counted from 1. */
  readonly line: number;
  readonly message?: string;
}

// What a statement needs after it to be a template of its own.
const CLOSERS: Readonly<Record<string, string>> = {
  if: 'endif',
  for: 'endfor',
  macro: 'endmacro',
  call: 'endcall',
  filter: 'endfilter',
};

interface Tag {
  readonly text: string;
  readonly line: number;
}

/** The first tag that can't be read, isn't closed, or closes nothing. */
export function findTemplateFault(source: string): TemplateFault {
  const open: { readonly name: string; readonly line: number }[] = [];
  let line = 1;
  for (const tag of findTags(source)) {
    line = tag.line;
    if (tag.text.startsWith('{#')) continue;
    if (!/[%}]\}$/.test(tag.text) || tag.text.length < 4)
      return { line, message: `"${tag.text.slice(0, 2)}" is never closed` };
    const name = tag.text.startsWith('{%') ? (/^\{%-?\s*(\w*)/.exec(tag.text)?.[1] ?? '') : '';
    const alone = name === 'elif' ? tag.text.replace('elif', 'if') : tag.text;
    const opens = name === 'set' ? !/\bset\b[^=]*=/.test(tag.text) : CLOSERS[name] !== undefined;
    const closer = name === 'set' ? 'endset' : (CLOSERS[name === 'elif' ? 'if' : name] ?? '');

    if (/^end\w+/.test(name) && name !== 'endgeneration') {
      const opener = open.pop();
      const expected = opener && (opener.name === 'set' ? 'endset' : CLOSERS[opener.name]);
      if (expected !== name) return { line, message: `${name} closes ${opener ? opener.name : 'nothing'}` };
      continue;
    }
    if (name === 'else' || name === 'break' || name === 'continue') continue;
    if (opens) open.push({ name, line });
    try {
      parse(tokenize(opens || name === 'elif' ? `${alone}{% ${closer} %}` : alone));
    } catch (error) {
      return { line, message: error instanceof Error ? error.message : String(error) };
    }
  }
  const unclosed = open.at(-1);
  return unclosed ? { line: unclosed.line, message: `${unclosed.name} is never closed` } : { line };
}

/** Every `{% … %}`, `{{ … }}` and `{# … #}`; the last may lack its end. */
function findTags(source: string): Tag[] {
  const tags: Tag[] = [];
  for (let start = 0; ; ) {
    const found = source.slice(start).search(/\{[%{#]/);
    if (found < 0) return tags;
    start += found;
    const end = tagEnd(source, start);
    tags.push({ text: source.slice(start, end), line: source.slice(0, start).split('\n').length });
    start = end;
  }
}

function tagEnd(source: string, start: number): number {
  const closer = { '%': '%}', '{': '}}', '#': '#}' }[source[start + 1]] as string;
  let quote = '';
  for (let i = start + 2; i < source.length; i++) {
    const char = source[i];
    if (quote !== '' && char === '\\') i++;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (closer !== '#}' && (char === "'" || char === '"')) quote = char;
    else if (source.startsWith(closer, i)) return i + 2;
  }
  return source.length;
}
