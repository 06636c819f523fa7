import { describe, expect, test } from 'vitest';
import { renderTemplate } from '../../src/text/chat-template.ts';

const LONG = 'x'.repeat(100_000);

function render(source: string, messages = [{ role: 'user', content: LONG }]): string {
  return renderTemplate({ source, isFallback: false, tokens: {} }, messages);
}

function nested(depth: number, iterable: string, body: string): string {
  const heads = Array.from({ length: depth }, (_, i) => `{% for a${i} in ${iterable} %}`);
  return `${heads.join('')}${body}${'{% endfor %}'.repeat(depth)}`;
}

const grown = (step: string, use: string): string =>
  `{% set ns = namespace(a=${step.includes('+') ? "'xxxxxxxxxx'" : '[1]'}) %}` +
  `{% for i in range(60) %}{% set ns.a = ${step} %}{% endfor %}${use}`;

// Each of these ended the process or blocked it for minutes to ages.
const HOSTILE: [what: string, source: string, message: RegExp][] = [
  ['a range that fills the memory', '{% for i in range(1000000000) %}x{% endfor %}', /100000 at most/],
  [
    'a range beyond 2^53, where adding 1 changes nothing',
    '{% for i in range(9007199254740992, 9007199254740999) %}x{% endfor %}',
    /expected integers/,
  ],
  [
    'a range in decimal steps',
    '{% for i in range(0, 1, 0.000000000001) %}x{% endfor %}',
    /expected integers/,
  ],
  ['a range that stays where it is', '{% for i in range(0, 1, 0) %}x{% endfor %}', /other than 0/],
  ['loops in loops', nested(8, 'range(100)', 'x'), /more than 1000000 steps/],
  ['empty loops', nested(2, 'range(100000)', ''), /more than 1000000 steps/],
  [
    'searches of a long list',
    '{% for x in range(100000) if x in range(100000) %}{% endfor %}',
    /more than 1000000 steps/,
  ],
  [
    'a macro that calls itself twice',
    '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}',
    /more than 1000000 steps/,
  ],
  [
    'changes of a long text',
    '{% for i in range(100000) %}{% set x = messages[0].content|upper %}{% endfor %}',
    /more than 1000000 steps/,
  ],
  [
    'a message 10,000 times',
    nested(1, 'range(10000)', '{{ messages[0].content }}'),
    /text of \d+ characters|length/,
  ],
  ['a list in itself, printed', grown('[ns.a, ns.a]', '{{ ns.a }}'), /list or mapping of \d+ elements/],
  ['a text that doubles', grown('ns.a + ns.a', ''), /text of \d+ characters/],
];

describe('limits of chat templates', () => {
  test.each(HOSTILE)('%s is refused instead of blocking the process', (_, source, message) => {
    expect(() => render(source)).toThrowError(
      expect.objectContaining({
        name: 'FormatError',
        code: 'chat-template',
        message: expect.stringMatching(message),
      }),
    );
  });

  test('are far from what a conversation of 5,000 messages needs, with a template that looks at its neighbours', () => {
    const messages = Array.from({ length: 5000 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: ' ab'.repeat(300),
    }));
    const source =
      "{% for m in messages %}{% if m.role == 'system' and loop.first %}{{ m.content }}{% endif %}" +
      "{% if loop.index0 > 0 and messages[loop.index0 - 1].role == m.role %}{{ raise_exception('twice') }}{% endif %}" +
      "{{ '<' + m.role + '>' + (m.content | trim) + '\\n' }}{% if loop.index == messages | length %}end{% endif %}{% endfor %}";
    const text = render(source, messages);
    expect(text.slice(0, 10)).toBe('<user>ab a');
    expect(text.slice(-7)).toBe(' ab\nend');
    expect(text.length).toBe(2500 * ('<user>'.length + '<assistant>'.length) + 5000 * 900 + 3);
  });

  test('the unique elements of a long list take no square of its length', () => {
    expect(render('{{ range(50000) | unique | length }}')).toBe('50000');
    expect(render("{{ [1, 1.0, true, 'a', 'A', '1', none, none, undefined] | unique | list }}")).toBe(
      "[1, 'a', '1', None, Undefined]",
    );
  });

  test('range() counts as in Python', () => {
    expect(render('{% for i in range(3) %}{{ i }} {% endfor %}')).toBe('0 1 2 ');
    expect(render('{% for i in range(5, 0, -2) %}{{ i }} {% endfor %}')).toBe('5 3 1 ');
    expect(render('{% for i in range(2, 2) %}{{ i }}{% endfor %}-')).toBe('-');
    expect(render('{{ range(99999, -1, -1) | length }}')).toBe('100000');
  });
});
