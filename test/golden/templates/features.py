"""What Python's Jinja makes of one-line templates: python features.py > features.json

The environment is that of transformers' apply_chat_template. An error is recorded as null."""
import json
import sys

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

FEATURES = r"""
{% for x in [1,2,3,4] %}a{{ x }}{% if x == 2 %}{% continue %}{% endif %}b{% endfor %}
{% for x in [1,2,3,4] %}a{{ x }}{% if x == 3 %}-{% break %}{% endif %}b{% endfor %}c
{% for x in [1,2] %}{% for y in [1,2,3] %}{{ x }}{{ y }}{% if y == 2 %}!{% break %}{% endif %} {% endfor %};{% endfor %}
{% for x in [1,2,3] %}{% break %}{% else %}none{% endfor %}
{% for x in [1,2] %}{% continue %}{% else %}none{% endfor %}
{% for x in [] %}a{% else %}none{% endfor %}
{% for x in [1,2] if x > 5 %}a{% else %}none{% endfor %}
{% for x in [1,2,3] if x != 2 %}{{ loop.index }}{{ x }}{{ loop.last }} {% endfor %}
{% set n = 0 %}{% for x in [1,2] %}{{ n }}{% set n = x %}{{ n }}{% endfor %}{{ n }}
{% for x in [1,2,3] %}{% if loop.first %}{% set y = 5 %}{% endif %}{{ y }},{% endfor %}
{% set ns = namespace(n=0) %}{% for x in [1,2] %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}
{% for c in 'ab😀' %}{{ c }}.{% endfor %}
{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}
{% for k, v in {'a': 1, 'b': [2]}.items() %}{{ k }}={{ v }};{% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}
{% for x in missing %}a{% else %}b{% endfor %}
{% for x in none %}a{% endfor %}
{% for x in 5 %}a{% endfor %}
{% for x in [1,2,3] %}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for x in [1,2,3] %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }} {% endfor %}
{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 1, -2) %}{{ i }}{% endfor %}
{{ '\n\n a'.lstrip('\n') }}|
{{ 'xxaxx'.strip('x') }}|{{ 'xxaxx'.rstrip('x') }}|{{ 'abcba'.strip('ab') }}
{{ '  a '.strip() }}|{{ '  a '.lstrip() }}|{{ '  a '.rstrip() }}|
{{ ' a '.strip(none) }}|
{{ '﻿a'.strip() }}|{{ '﻿a' | trim }}|
{{ 'a b  c'.split() }}{{ 'a b  c'.split(' ') }}{{ 'a-b-c'.split('-', 1) }}{{ 'a-b-c'.rsplit('-', 1) }}
{{ ' a b '.split(none, 1) }}
{{ 'a</think>b</think>c'.split('</think>')[-1] }}{{ 'abc'.split('b')[0] }}
{{ 'a\nb\r\nc\n'.splitlines() }}
{{ 'hello world'.title() }}{{ "it's a test".title() }}{{ 'hELLO wORLD'.capitalize() }}
{{ 'hello-world foo(bar' | title }}{{ 'hELLO wORLD' | capitalize }}
{{ 'aXb'.upper() }}{{ 'aXb'.lower() }}{{ 'aXb' | upper }}{{ 'aXb' | lower }}
{{ 'straße'.upper() }}
{{ 'abc'.startswith('a') }}{{ 'abc'.endswith(('x', 'c')) }}{{ 'abc'.startswith('') }}
{{ 'abcabc'.find('c') }}{{ 'abcabc'.rfind('c') }}{{ 'abc'.find('x') }}{{ '😀b'.find('b') }}
{{ 'abab'.count('ab') }}{{ 'abc'.index('c') }}
{{ 'aaa'.replace('a', 'b', 2) }}{{ 'aaa'.replace('a', 'b') }}{{ 'aaa' | replace('a', 'b') }}{{ 'aaa' | replace('a', 'b', 1) }}
{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}{{ 'abc'.removesuffix('') }}
{{ 'a-b-c'.partition('-') }}{{ 'abc'.partition('-') }}
{{ ','.join(['a', 'b']) }}
{{ ','.join([1, 2]) }}
{{ '12'.isdigit() }}{{ ''.isdigit() }}{{ 'ab'.isalpha() }}{{ 'a1'.isalnum() }}{{ ' '.isspace() }}
{{ 'AB'.isupper() }}{{ 'A1'.isupper() }}{{ '1'.isupper() }}{{ 'ab'.islower() }}
{{ 'abc'.zfill(5) }}
{{ 'abc'.center(7) }}
{{ 'abc'.encode() }}
{{ '{} {}'.format(1, 2) }}
{{ '%s-%d' % ('a', 1) }}
{{ 'abc' | format }}
{{ [] == [] }}{{ [1, 2] == [1, 2] }}{{ [1] == [2] }}{{ {} == {} }}{{ {'a': 1} == {'a': 1.0} }}{{ [1] != [1] }}
{{ 1 == true }}{{ 0 == false }}{{ '' == false }}{{ '1' == 1 }}{{ none == false }}{{ none == none }}{{ 1 == 1.0 }}
{{ missing == none }}{{ missing == missing2 }}{{ missing == '' }}
{{ (1, 2) == (1, 2) }}{{ (1, 2) == [1, 2] }}
{{ true }}{{ false }}{{ none }}{{ True }}{{ None }}{{ missing }}
{{ 1 }}{{ 1.0 }}{{ 1.5 }}{{ 10 / 2 }}{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % 3 }}{{ -7 % 3 }}{{ 7 % -3 }}{{ 2 ** 3 }}{{ 2 ** -1 }}
{{ 1e20 }}{{ 0.00001 }}{{ 1 / 3 }}
{{ 100000000 * 100000000 }}
{{ 1 / 0 }}
{{ 'a' + 1 }}
{{ 'a' + none }}
{{ 'a' ~ 1 ~ true ~ none ~ 1.0 ~ [1, 'b'] }}
{{ 'ab' * 2 }}{{ 2 * 'ab' }}
{{ [1] + [2] }}
{{ [1] * 2 }}
{{ true + 1 }}{{ -true }}
{{ 1 < 2 }}{{ 'a' < 'b' }}{{ [1, 2] < [1, 3] }}{{ 'Z' < 'a' }}
{{ 1 < 'a' }}
{{ 1 < 2 < 3 }}
{{ 'a' in 'abc' }}{{ 1 in [1, 2] }}{{ [1] in [[1]] }}{{ 'a' in {'a': 1} }}{{ 'x' not in 'abc' }}{{ 1.0 in [1] }}{{ none in [none] }}
{{ 'a' in missing }}{{ 'a' not in missing }}
{{ 1 in 'abc' }}
{{ 'a' in none }}
{{ [1, 'a', none, true, 1.5, {'k': "it's"}] }}
{{ ['\n', 'é', '"', "'", '\\'] }}
{{ (1,) }}{{ (1, 2) }}
{{ {'a': [1, (2, 3)], 'b': none} }}
{{ [1, true, none] | string }}{{ true | string }}{{ none | string }}{{ 1.0 | string }}
{{ ['a', 1, true, none] | join(', ') }}{{ 'abc' | join('-') }}{{ [1, 2] | join }}
{{ ['a', 'b'] | join(attribute='x') }}
{{ '😀a' | length }}{{ [1, 2] | length }}{{ {'a': 1} | length }}{{ 'abc' | count }}
{{ missing | length }}
{{ 5 | length }}
{{ '😀ab'[0] }}{{ '😀ab'[1] }}{{ '😀ab'[-1] }}{{ 'abc'[5] }}
{{ 'abcdef'[1:3] }}{{ 'abcdef'[::-1] }}{{ [1, 2, 3][1:] }}{{ [1, 2, 3][-1] }}{{ '😀ab'[1:] }}
{{ [3, 1, 2] | sort }}{{ ['b', 'A', 'a'] | sort }}{{ [1, 2] | reverse | list }}{{ 'abc' | reverse }}
{{ [3, 1, 2] | sort(reverse=true) }}
{{ [1, 'a'] | sort }}
{{ ['a', 'A', 'b', 'a'] | unique | list }}{{ [[1], [1]] | unique | list }}
{{ [1, 2, 3] | first }}{{ [1, 2, 3] | last }}{{ 'abc' | first }}{{ [] | first }}
{{ 'abc' | list }}{{ {'a': 1} | list }}{{ (1, 2) | list }}
{{ '12' | int }}{{ '12abc' | int }}{{ ' 3 ' | int }}{{ '3.7' | int }}{{ 'x' | int(5) }}{{ 3.7 | int }}{{ -3.7 | int }}{{ true | int }}
{{ '1.5' | float }}{{ '1.5x' | float }}{{ 2 | float }}{{ 'x' | float(1.5) }}
{{ -5 | abs }}{{ -1.5 | abs }}
{{ 2.567 | round(1) }}
{{ '' | default('x') }}{{ '' | default('x', true) }}{{ missing | default('x') }}{{ none | default('x') }}{{ missing | default }}
{{ missing | default(boolean=true) }}
{{ '  a ' | trim }}|{{ 'xax' | trim('x') }}
{{ 'a\nb\n\nc' | indent }}{{ 'a\nb' | indent(2) }}{{ 'a\nb' | indent(2, true) }}
{{ {'b': 1, 'a': [1, none, true, 'é"<']} | tojson }}
{{ {'a': 1} | tojson(indent=2) }}
{{ [] | tojson }}{{ {} | tojson }}{{ 1.0 | tojson }}{{ 'a' | tojson }}
{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}
{{ {'b': 1, 'a': 2} | dictsort }}
{{ {'b': 1, 'a': 2} | items | list }}
{{ {'a': 1}.get('a') }}{{ {'a': 1}.get('b') }}{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}['b'] }}{{ {'a': 1}.a }}
{{ {'a': 1}.keys() | list }}{{ {'a': 1}.values() | list }}
{{ [{'r': 'a'}, {'r': 'b'}] | selectattr('r', 'equalto', 'a') | list }}
{{ [{'r': 'a'}, {'q': 'b'}] | selectattr('r', 'defined') | list }}
{{ [{'r': 'a'}, {'q': 'b'}] | selectattr('r', 'undefined') | list }}
{{ [{'r': 'a'}, {'q': 'b'}] | rejectattr('r') | list }}
{{ [{'r': 'a'}, {'r': 'b'}] | map(attribute='r') | list }}
{{ [{'r': 'a'}, {'q': 'b'}] | map(attribute='r', default='-') | list }}
{{ ['a', 'b'] | map('upper') | list }}
{{ [1, 2, 3] | select('odd') | list }}
{{ [1, 2, 3] | sum }}{{ [1, 3, 2] | max }}
{{ [1, 2, 3, 4] | batch(2) | list }}
{{ 'a b' | wordcount }}{{ 'abc' | truncate(2) }}
{{ '<a>' | e }}{{ '<a>' | safe }}
{{ 1 is number }}{{ true is number }}{{ 1.5 is float }}{{ 1 is integer }}{{ true is integer }}{{ 'a' is string }}{{ none is none }}
{{ {} is mapping }}{{ [] is sequence }}{{ 'a' is iterable }}{{ {} is iterable }}{{ 5 is iterable }}{{ {} is sequence }}
{{ missing is defined }}{{ missing is undefined }}{{ 1 is defined }}{{ missing is none }}{{ none is defined }}
{{ 'ab' is lower }}{{ '1' is lower }}{{ 'AB' is upper }}{{ 3 is odd }}{{ 2 is even }}{{ true is boolean }}{{ false is false }}{{ 1 is true }}
{{ 4 is divisibleby(2) }}
{{ 1 is eq 1 }}
{{ 'a' is in ['a'] }}
{{ 'a' if true else 'b' }}{{ 'a' if false }}{{ 'a' if 0 else 'b' }}
{{ [] or 'x' }}{{ 'a' and 'b' }}{{ not [] }}{{ none or false }}{{ 0 or missing }}
{{ 0.0 or 'x' }}{{ '' or 'x' }}{{ {} or 'x' }}
{{ missing.x }}
{{ missing.x.y }}
{{ none.x }}{{ 5 .x }}
{% if [] == [] %}yes{% else %}no{% endif %}{% if '0' %}yes{% endif %}{% if 0.0 %}yes{% endif %}
{% macro m(a, b='x') %}{{ a }}{{ b }}{{ true }}{% endmacro %}{{ m(1) }}{{ m(2, 'y') }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, a=2) }}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ true }}{% endcall %}
{% set x %}a{{ true }}b{% endset %}{{ x }}{{ x | length }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% filter upper %}a{{ true }}{% endfilter %}
{# comment #}a{#- b -#} c
{% raw %}{{ x }}{% endraw %}
{{ raise_exception('no') }}
{{ "a" "b" }}
{{ 'a'|upper|lower ~ 'b' }}{{ -1 | abs }}{{ (-1) | abs }}
{{ 1 if 2 > 1 and not false else 0 }}
{%- if true -%} a {%- endif -%} b
{{ namespace(a=1).a }}{{ dict(a=1) }}
{{ [1, 2, 3].index(2) }}
{{ [1, 2].append(3) }}
{{ 'abc' is string and 'b' in 'abc' }}{{ 'x' == 'x' == true }}
{{ range(3) | list }}{{ range(3) }}
{{ lipsum is defined }}{{ cycler is defined }}
{{ loop }}
""".strip("\n").split("\n")


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception


def rendered(source):
    try:
        return environment.from_string(source).render()
    except Exception:
        return None


json.dump({"jinja2": jinja2.__version__, "features": [[f, rendered(f)] for f in FEATURES]}, sys.stdout, indent=1, ensure_ascii=False)
print()
