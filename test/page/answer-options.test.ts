import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_STOPS,
  NO_OPTIONS,
  parseSchema,
  parseStops,
  readOptions,
  requestFields,
  sameOptions,
  writeStops,
} from '../../page/src/core/answer-options.ts';
import { NO_SAMPLING } from '../../page/src/core/sampling.ts';
import { readSettings } from '../../page/src/core/settings.ts';

describe('requestFields()', () => {
  it('has what is set, and nothing else', () => {
    expect(requestFields(NO_OPTIONS)).toEqual({});
    const sampling = { ...NO_SAMPLING, topK: 0, minP: 0.1 };
    expect(requestFields({ sampling, stop: ['\n\n'], schema: '{"type":"object"}' })).toEqual({
      top_k: 0,
      min_p: 0.1,
      stop: ['\n\n'],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' } },
      },
    });
  });

  it('does not send a schema that is not one', () => {
    expect(requestFields({ ...NO_OPTIONS, schema: '{"type":' })).toEqual({});
  });
});

describe('parseSchema()', () => {
  it.each([
    ['', { problem: 'none' }],
    [' true ', { schema: true }],
    ['{}', { schema: {} }],
    ['[]', { problem: 'notSchema' }],
    ['null', { problem: 'notSchema' }],
    ['{\n"a": 1,\n}', { problem: 'notJson', line: 3 }],
    ['{"a"', { problem: 'notJson', line: 1 }],
  ])('of %j is %j', (text, expected) => {
    expect(parseSchema(text)).toEqual(expected);
  });
});

describe('stop sequences', () => {
  it('are written and read as they are, whatever is in them', () => {
    const part = fc.constantFrom('a', '\\', '\n', '\t', 'n', ' ');
    const stop = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(stop, { maxLength: 5 }), (stops) => {
        expect(parseStops(writeStops(stops))).toEqual(stops);
      }),
    );
  });

  it('have no empty ones and none twice', () => {
    expect(parseStops('a\n\na\n')).toEqual(['a']);
  });
});

describe('stored options', () => {
  it('drop what no request takes', () => {
    const stop = [...Array.from({ length: 20 }, (_, i) => `s${i}`), 7, ''];
    const read = readOptions({ sampling: { topK: 1.5, topP: 0.5 }, stop, schema: 7 });
    expect(read).toMatchObject({ sampling: { topK: null, topP: 0.5 }, schema: '' });
    expect(read.stop).toHaveLength(MAX_STOPS);
  });

  it('are the same where every number, stop and schema is', () => {
    const options = readOptions({ sampling: { topP: 0.5 }, stop: ['x'], schema: '{}' });
    expect(sameOptions(options, readOptions(JSON.parse(JSON.stringify(options))))).toBe(true);
    for (const other of [{ stop: [] }, { schema: '' }, { sampling: NO_SAMPLING }])
      expect(sameOptions(options, { ...options, ...other })).toBe(false);
  });

  it('are in presets as well; presets and prompts without a name are dropped', () => {
    const stored = {
      presets: [{ name: 'Exact', sampling: { temperature: 0, topK: 0.5 } }, { sampling: {} }, 7],
      prompts: [{ name: 'Review', text: 'Review this.' }, { name: 'No text' }, null],
    };
    const { presets, prompts } = readSettings(JSON.stringify(stored), []);
    expect(presets).toEqual([{ name: 'Exact', ...NO_OPTIONS, sampling: { ...NO_SAMPLING, temperature: 0 } }]);
    expect(prompts).toEqual([{ name: 'Review', text: 'Review this.' }]);
  });
});
