import { createHighlighterCore, type LanguageRegistration } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';

/** Shiki leaves the rest of a line plain after half a second, which a busy machine needs to compile the first patterns. */
const LINE_LIMIT_MS = 3000;

type Grammar = () => Promise<{ default: LanguageRegistration[] }>;

const GRAMMARS: Readonly<Record<string, Grammar>> = {
  c: () => import('@shikijs/langs/c'),
  css: () => import('@shikijs/langs/css'),
  diff: () => import('@shikijs/langs/diff'),
  go: () => import('@shikijs/langs/go'),
  html: () => import('@shikijs/langs/html'),
  java: () => import('@shikijs/langs/java'),
  javascript: () => import('@shikijs/langs/javascript'),
  json: () => import('@shikijs/langs/json'),
  python: () => import('@shikijs/langs/python'),
  rust: () => import('@shikijs/langs/rust'),
  shellscript: () => import('@shikijs/langs/shellscript'),
  sql: () => import('@shikijs/langs/sql'),
  typescript: () => import('@shikijs/langs/typescript'),
  yaml: () => import('@shikijs/langs/yaml'),
};

/**
 * Colours are numbers of kinds here: the page has one class for each, so that both themes and a strict content security
 * policy are served by the style sheet.
 */
const KINDS: readonly (readonly string[])[] = [
  ['comment', 'punctuation.definition.comment'],
  ['keyword', 'storage', 'keyword.operator.new', 'variable.language'],
  ['string', 'punctuation.definition.string', 'constant.character.escape'],
  ['constant.numeric', 'constant.language', 'support.constant', 'constant.other'],
  ['entity.name.function', 'support.function', 'meta.function-call.generic'],
  ['entity.name.type', 'entity.name.class', 'support.type', 'support.class', 'entity.other.inherited-class'],
  ['entity.name.tag', 'meta.object-literal.key', 'support.type.property-name', 'entity.other.attribute-name'],
  ['markup.inserted'],
  ['markup.deleted'],
];

const highlighter = createHighlighterCore({
  themes: [
    {
      name: 'kinds',
      type: 'light',
      fg: '#000000',
      bg: '#ffffff',
      settings: KINDS.map((scope, i) => ({
        scope: [...scope],
        settings: { foreground: `#00000${i + 1}` },
      })),
    },
  ],
  langs: [],
  engine: createJavaScriptRegexEngine({ forgiving: true }),
});

export interface HighlightRequest {
  readonly text: string;
  readonly language: string;
}

/** Pairs of a length and the kind of text that long, 0 for plain; nothing for a language without a grammar here. */
export interface HighlightReply {
  readonly runs?: Uint32Array;
  readonly error?: string;
}

async function runsOf(text: string, language: string): Promise<Uint32Array | undefined> {
  if (!Object.hasOwn(GRAMMARS, language)) return undefined;
  const grammar = GRAMMARS[language];
  const core = await highlighter;
  if (!core.getLoadedLanguages().includes(language)) await core.loadLanguage((await grammar()).default);
  const lines = core.codeToTokensBase(text, {
    lang: language,
    theme: 'kinds',
    tokenizeTimeLimit: LINE_LIMIT_MS,
  });
  const runs: number[] = [];
  const add = (length: number, kind: number): void => {
    if (runs.length > 0 && runs.at(-1) === kind) runs[runs.length - 2] += length;
    else runs.push(length, kind);
  };
  let end = 0;
  for (const { content, color, offset } of lines.flat()) {
    // Line breaks are between the tokens.
    if (offset > end) add(offset - end, 0);
    add(content.length, Number(/^#00000([1-9])$/.exec(color ?? '')?.[1] ?? 0));
    end = offset + content.length;
  }
  return Uint32Array.from(runs);
}

self.onmessage = async ({ data: { text, language } }: MessageEvent<HighlightRequest>) => {
  try {
    const runs = await runsOf(text, language);
    self.postMessage(runs ? { runs } : ({} satisfies HighlightReply));
  } catch (error) {
    self.postMessage({ error: String(error) } satisfies HighlightReply);
  }
};
