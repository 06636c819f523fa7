import { createHighlighterCore, type LanguageRegistration, type ThemedToken } from 'shiki/core';
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

/** Lines of tokens, or undefined for a language without a grammar here. */
export async function tokenize(text: string, language: string): Promise<ThemedToken[][] | undefined> {
  const grammar = GRAMMARS[language];
  if (!grammar) return undefined;
  const core = await highlighter;
  if (!core.getLoadedLanguages().includes(language)) await core.loadLanguage((await grammar()).default);
  return core.codeToTokensBase(text, { lang: language, theme: 'kinds', tokenizeTimeLimit: LINE_LIMIT_MS });
}
