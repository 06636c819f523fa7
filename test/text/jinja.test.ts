import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderTemplate } from '../../src/text/chat-template.ts';

// What Python's Jinja prints, null where it fails: test/golden/templates/features.py.
const { features } = JSON.parse(
  readFileSync(new URL('../golden/templates/features.json', import.meta.url), 'utf8'),
) as { features: [source: string, expected: string | null][] };

/** Undefined where the template is refused. */
function rendered(source: string): string | undefined {
  try {
    return renderTemplate({ source, isFallback: false, tokens: {} }, []);
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(?:chat-template|template-refusal)$/) });
    return undefined;
  }
}

describe('one-line templates', () => {
  test.each(features)('%j prints what Python prints, or is refused', (source, expected) => {
    const found = rendered(source);
    if (found !== undefined) expect(found).toBe(expected);
  });

  // Each is refused because the library lacks it or means something else by it; no chat template that we know of needs one.
  test('what is refused, although Python renders it, is this', () => {
    const refused = features.filter(
      ([source, expected]) => expected !== null && rendered(source) === undefined,
    );
    expect(refused.map(([source]) => source)).toMatchInlineSnapshot(`
      [
        "{{ 'abc'.zfill(5) }}",
        "{{ 'abc'.center(7) }}",
        "{{ 'abc'.encode() }}",
        "{{ '{} {}'.format(1, 2) }}",
        "{{ '%s-%d' % ('a', 1) }}",
        "{{ 'abc' | format }}",
        "{{ 1e20 }}{{ 0.00001 }}{{ 1 / 3 }}",
        "{{ 100000000 * 100000000 }}",
        "{{ [1] * 2 }}",
        "{{ 1 < 2 < 3 }}",
        "{{ (1,) }}{{ (1, 2) }}",
        "{{ ['a', 'b'] | join(attribute='x') }}",
        "{{ 2.567 | round(1) }}",
        "{{ [] | tojson }}{{ {} | tojson }}{{ 1.0 | tojson }}{{ 'a' | tojson }}",
        "{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}",
        "{{ [{'r': 'a'}, {'q': 'b'}] | selectattr('r', 'undefined') | list }}",
        "{{ ['a', 'b'] | map('upper') | list }}",
        "{{ [1, 2, 3] | select('odd') | list }}",
        "{{ [1, 2, 3] | sum }}{{ [1, 3, 2] | max }}",
        "{{ [1, 2, 3, 4] | batch(2) | list }}",
        "{{ '<a>' | e }}{{ '<a>' | safe }}",
        "{{ 4 is divisibleby(2) }}",
        "{{ 1 is eq 1 }}",
        "{{ 'a' is in ['a'] }}",
        "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, a=2) }}",
        "{% raw %}{{ x }}{% endraw %}",
        "{{ namespace(a=1).a }}{{ dict(a=1) }}",
        "{{ [1, 2, 3].index(2) }}",
        "{{ 'abc' is string and 'b' in 'abc' }}{{ 'x' == 'x' == true }}",
        "{{ range(3) | list }}{{ range(3) }}",
        "{{ lipsum is defined }}{{ cycler is defined }}",
      ]
    `);
  });
});
