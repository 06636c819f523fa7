import { HOSTILE } from './hostile.ts';

/** Answers that try to crash, slow down, escape or deface the page; the same for the same seed. */
export class HostileAnswers {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  next(): string {
    const parts = Array.from({ length: this.below(8) + 1 }, () => this.part());
    const text = parts.join(this.pick(['\n\n', '\n', ' ', '', '\n> ', '\n- ', '\n    ', '|']));
    return this.damage(text).slice(0, this.below(50) === 0 ? 60_000 : 12_000);
  }

  private part(): string {
    return this.pick([this.markdown, this.tex, this.html, this.unicode, this.code, this.repeated]).call(this);
  }

  private markdown(): string {
    const rows = this.below(40);
    const columns = this.below(30) + 1;
    const depth = this.below(200);
    const row = (cells: number): string => `|${`${this.pick(WORDS)}|`.repeat(cells)}`;
    return this.pick([
      `${'#'.repeat(this.below(8))} ${this.unicode()}`,
      [
        row(columns),
        `|${':-:|'.repeat(columns)}`,
        ...Array.from({ length: rows }, () => row(this.below(columns * 2))),
      ].join('\n'),
      Array.from(
        { length: depth },
        (_, i) => `${' '.repeat(i * this.below(4))}${this.pick(['-', '1.', '*', '>'])} a`,
      ).join('\n'),
      '> '.repeat(depth) + this.pick(WORDS),
      `${this.pick(['*', '**', '_', '~~', '***']).repeat(depth)}${this.pick(WORDS)}`,
      `[${this.pick(WORDS)}](${this.pick(ADDRESSES)} "${this.pick(WORDS)}") ![${this.html()}](${this.pick(ADDRESSES)})`,
      `<${this.pick(ADDRESSES)}> ${this.pick(ADDRESSES)} [r]\n\n[r]: ${this.pick(ADDRESSES)}`,
      `- [x] ${this.tex()}\n- [ ] ${this.html()}\n- [x](${this.pick(ADDRESSES)})`,
      `note[^${this.pick(WORDS)}]\n\n[^${this.pick(WORDS)}]: ${this.markdownOrText()}`,
    ]);
  }

  private markdownOrText(): string {
    return this.below(2) === 0 ? this.pick(WORDS) : this.html();
  }

  private tex(): string {
    const depth = this.below(this.below(4) === 0 ? 400 : 12);
    const [open, close] = this.pick(NESTING);
    const body = `${open.repeat(depth)}${this.pick(TEX)}${close.repeat(this.below(3) === 0 ? this.below(depth + 1) : depth)}`;
    const long = this.below(6) === 0 ? this.pick(TEX).repeat(this.below(300)) : '';
    const [before, after] = this.pick([
      ['$', '$'],
      ['$$', '$$'],
      ['\\(', '\\)'],
      ['\\[', '\\]'],
      ['$$\n', '\n$$'],
      ['\\(', ''],
      ['$', ''],
    ]);
    return before + body + long + after;
  }

  private html(): string {
    return this.pick(HTML).replace('URL', this.pick(ADDRESSES));
  }

  private unicode(): string {
    const pieces = Array.from({ length: this.below(12) + 1 }, () =>
      this.pick(SIGNS).repeat(this.below(30) + 1),
    );
    return pieces.join(this.pick(['', ' ', '\n']));
  }

  private code(): string {
    const language = this.pick(LANGUAGES);
    const line = Array.from({ length: this.below(60) }, () => this.pick(CODE)).join(
      this.pick(['', ' ', '\n']),
    );
    const fence = this.pick(['```', '~~~', '`````']);
    return `${fence}${language}\n${line.repeat(this.below(8) + 1)}\n${this.below(4) === 0 ? '' : fence}`;
  }

  private repeated(): string {
    return HOSTILE[this.pick(Object.keys(HOSTILE))](this.below(300) + 1);
  }

  /** Sometimes cut, doubled or mixed up, so that nothing is closed where it should be. */
  private damage(text: string): string {
    const at = this.below(text.length + 1);
    const to = at + this.below(20);
    return this.pick([
      text,
      text,
      text,
      text.slice(0, at),
      text.slice(at),
      text.slice(0, at) + text.slice(to),
      text.slice(0, to) + text.slice(at),
      text.slice(0, at) + this.pick(SIGNS) + text.slice(at),
    ]);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** Mulberry32. */
  private below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let h = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    h = (h + Math.imul(h ^ (h >>> 7), 61 | h)) ^ h;
    return Math.floor((((h ^ (h >>> 14)) >>> 0) / 2 ** 32) * limit);
  }
}

const WORDS = [
  'a',
  'word',
  '猫',
  '__proto__',
  'constructor',
  '\\',
  '|',
  '`',
  '$x$',
  '**b**',
  '<b>',
  '&lt;',
  'x'.repeat(500),
];
const ADDRESSES = [
  'https://example.org/a.png',
  'javascript:alert(1)',
  'JaVa\tScRiPt:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'data:image/svg+xml;base64,PHN2Zz4=',
  'vbscript:x',
  '//example.org',
  '/v1/models',
  '#hash',
  'blob:x',
  'http://[::1',
  'http://a%00b',
  'mailto:a@b.c',
  'x" onerror="alert(1)',
];
const HTML = [
  '<script>window.hacked = 1</script>',
  '<img src=URL onerror="window.hacked = 1">',
  '<svg onload="window.hacked = 1"><a xlink:href="URL"><text>x</text></a></svg>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.hacked=1&gt;">',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.hacked=1>',
  '<iframe srcdoc="<script>parent.hacked = 1</script>"></iframe>',
  '<style>* { display: none } @import "URL";</style>',
  '<link rel=stylesheet href=URL><base href=URL><meta http-equiv=refresh content="0;url=URL">',
  '<form action=URL><input name=q><button formaction=URL>x</button></form>',
  '<a href="URL" ping="URL" style="position:fixed;inset:0">x</a>',
  '<details open ontoggle="window.hacked = 1"><summary>x</summary></details>',
  '<video><source src=URL onerror="window.hacked = 1"></video><object data=URL></object><embed src=URL>',
  '<template><img src=URL></template><noscript><p title="</noscript><img src=x onerror=window.hacked=1>">',
  '<p id="app" name="body" class="composer">x</p>',
  '</div></div></main><!-- <![CDATA[ ]]> --> <?xml?> <!DOCTYPE x [<!ENTITY y "z">]>',
  '&#x0; &#xD800; &#1114112; &lt;script&gt; &NotEqualTilde; &amp;amp; &#106;avascript:',
];
const NESTING: readonly (readonly [string, string])[] = [
  ['x^{', '}'],
  ['\\sqrt{', '}'],
  ['\\frac{1}{', '}'],
  ['\\left(', '\\right)'],
  ['{', '}'],
  ['\\begin{matrix}', '\\end{matrix}'],
  ['\\overline{', '}'],
  ['\\text{$', '$}'],
  ['\\displaystyle ', ''],
  ['\\color{red}', ''],
  ['\\mathbf{', '}'],
  ['\\underbrace{', '}_a'],
  ['a_{b_', '}'],
  ['\\boxed{', '}'],
  ['\\Large ', ''],
  ["x'^", ''],
];
const TEX = [
  'x',
  '\\frac{',
  '\\unknown ',
  '\\href{javascript:window.hacked=1}{x}',
  '\\htmlStyle{position:fixed}{x}',
  '\\includegraphics{https://example.org/a.png}',
  '\\rule{999em}{999em}',
  '\\kern-999em x',
  '\\raisebox{99em}{x}',
  '\\color{red;background:url(https://example.org)}x',
  '\\colorbox{#f00}{$x$}',
  '\\def\\a{\\a\\a}\\a',
  '\\newcommand{\\b}[1]{#1#1}\\b{\\b{\\b{x}}}',
  '\\begin{array}{cccccc}1&2&3&4&5&6\\\\1&2\\end{array}',
  '\\begin{CD}A@>>>B\\end{CD}',
  '\\verb|<script>|',
  '\\char"10FFFF',
  '\\text{猫 שלום \u202e}',
  '\\sum_{i=0}^{\\infty}\\int_0^1\\prod',
  '\\tag{1}\\tag{2}',
  '\\pmb{x}\\cancel{y}\\fbox{z}\\phantom{x}',
  '\\left\\lbrace\\middle|\\right.',
  '\\overbrace{aaaaaaaa}^{b}\\xrightarrow[under]{over}',
  '%comment\n',
  '&\\\\&',
  '\\limits^_',
  '\\operatorname*{argmax}_x',
  '\\hspace{-99em}\\llap{x}\\smash{x}',
  '<img src=x onerror=window.hacked=1>',
];
const SIGNS = [
  '\u202e',
  '\u2066',
  '\u200b',
  '\u200d',
  '\ufeff',
  '\u0000',
  '\u2028',
  '\u0085',
  '\ud800',
  '\udc00',
  '\u0300',
  '\u0489',
  '\u20e3',
  '\u{e0041}',
  '\ufe0f',
  '👨\u200d👩\u200d👧',
  '🇩🇪',
  'שלום ',
  'العربية ',
  '猫',
  '﷽',
  '𒐫',
  'ﬃ',
  'İ',
  '\t',
  '\r',
  'a',
];
const LANGUAGES = [
  '',
  'python',
  'js',
  'ts',
  'c',
  'html',
  'css',
  'json',
  'yaml',
  'sql',
  'sh',
  'rust',
  'go',
  'java',
  'diff',
  'nothing',
  '__proto__',
  'constructor',
  '"onclick="x',
  'x'.repeat(300),
];
const CODE = [
  '(',
  '[',
  '{',
  '"',
  "'",
  '`',
  '/*',
  '//',
  '#',
  '<script>',
  '${',
  '\\',
  'if ',
  'x = 1;',
  '/(a+)+b/',
  '<<EOF',
  '"""',
  '@',
  '%',
  '&&',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  '\u202e',
  '<!--',
  '#{',
  '=>',
  '0x',
  '- a: |',
  '*/',
  'select * from ',
];
