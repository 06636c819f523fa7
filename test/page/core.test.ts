import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  busiestExperts,
  kindOf,
  loadOf,
  overlap,
  preference,
  type RecordedToken,
  relativeLoad,
  sharedExperts,
  topShare,
} from '../../page/src/core/expert-load.ts';
import { chosenExperts, numTokens, Recorder, type Recording } from '../../page/src/core/recording.ts';
import { isAllowed, NO_SAMPLING } from '../../page/src/core/sampling.ts';
import { readSettings } from '../../page/src/core/settings.ts';
import { readEvents } from '../../page/src/core/sse.ts';
import {
  busiestFirst,
  canChoose,
  cellAt,
  enlarge,
  layOut,
  xOf,
  yOf,
} from '../../page/src/experts/map-geometry.ts';
import { type StringKey, TABLES, translator } from '../../page/src/strings.ts';

const layout = { layers: [1, 2, 3], numExperts: 8, numChosen: 2 };

/** Tokens that choose two different experts in each of three layers. */
const choices = fc.array(
  fc.array(
    fc.tuple(fc.nat(7), fc.nat(6)).map(([a, b]) => [a, b >= a ? b + 1 : b]),
    { minLength: 3, maxLength: 3 },
  ),
  { minLength: 1, maxLength: 20 },
);
const recordingOf = (tokens: readonly (readonly number[][])[]): Recording => {
  const recorder = new Recorder(layout);
  for (const token of tokens) recorder.add('x', Uint8Array.from(token.flat()));
  return recorder.recording;
};

describe('readEvents()', () => {
  it('gives the same events however the bytes are cut', async () => {
    const payloads = ['{"a":1}', 'zwölf 十二 🐟', '[DONE]'];
    const text = `: ping\n\ndata: ${payloads[0]}\r\n\r\ndata:${payloads[1]}\n\nevent: x\ndata: ${payloads[2]}\n\n`;
    const bytes = new TextEncoder().encode(text);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            for (let i = 1; i < at.length; i++) controller.enqueue(bytes.slice(at[i - 1], at[i]));
            controller.close();
          },
        });
        const found: string[] = [];
        for await (const data of readEvents(body)) found.push(data);
        expect(found).toEqual(payloads);
      }),
    );
  });
});

describe('Recorder', () => {
  it('gives each token its experts, and text without a token to the last one', () => {
    const recorder = new Recorder(layout);
    recorder.add('', undefined);
    recorder.add('two', Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3]));
    recorder.add('!', undefined);
    const { recording } = recorder;
    expect(recording.pieces).toEqual(['', 'two!']);
    expect(numTokens(recording)).toBe(2);
    expect([...chosenExperts(recording, 1, 2)]).toEqual([4, 3]);
  });

  it('reads two bytes for each id of a model with more than 256 experts', () => {
    const recorder = new Recorder({ layers: [0], numExperts: 300, numChosen: 2 });
    recorder.add('x', Uint8Array.from([0x2a, 0x01, 0x05, 0x00]));
    expect([...recorder.recording.ids]).toEqual([298, 5]);
  });
});

const tokensOf = (recording: Recording): RecordedToken[] =>
  Array.from({ length: numTokens(recording) }, (_, token) => ({ recording, token }));

describe('loads', () => {
  it('count every choice once, and are 1 on average against the even share', () => {
    fc.assert(
      fc.property(choices, (tokens) => {
        const load = loadOf(layout, tokensOf(recordingOf(tokens)));
        expect(load.numTokens).toBe(tokens.length);
        layout.layers.forEach((_, layer) => {
          for (let expert = 0; expert < 8; expert++) {
            const count = tokens.filter((token) => token[layer].includes(expert)).length;
            expect(load.counts[layer * 8 + expert]).toBe(count);
          }
          const relative = relativeLoad(load).slice(layer * 8, layer * 8 + 8);
          expect(relative.reduce((sum, value) => sum + value, 0) / 8).toBeCloseTo(1);
          const busiest = busiestExperts(load, layer, 8);
          expect(busiest.map(({ count }) => count)).toEqual(
            [...busiest.map(({ count }) => count)].sort((a, b) => b - a),
          );
          expect(topShare(load, layer, 8)).toBeCloseTo(1);
        });
      }),
    );
  });

  it('overlap wholly with themselves, equally both ways with others, and prefer neither of two equals', () => {
    fc.assert(
      fc.property(choices, choices, (first, second) => {
        const [a, b] = [first, second].map((tokens) => loadOf(layout, tokensOf(recordingOf(tokens))));
        overlap(a, a).forEach((share) => {
          expect(share).toBeCloseTo(1);
        });
        overlap(a, b).forEach((share, layer) => {
          expect(share).toBeCloseTo(overlap(b, a)[layer]);
        });
        preference(a, b).forEach((log, i) => {
          expect(log).toBeCloseTo(-preference(b, a)[i]);
          expect(Number.isFinite(log)).toBe(true);
        });
        expect(preference(a, a).every((log) => log === 0)).toBe(true);
      }),
    );
  });

  it('sharedExperts() counts what two tokens have in common, layer by layer', () => {
    const recording = recordingOf([
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
      [
        [1, 0],
        [3, 7],
        [6, 7],
      ],
    ]);
    expect(sharedExperts({ recording, token: 0 }, { recording, token: 1 })).toEqual([2, 1, 0]);
  });

  it.each([
    [' the', 'latin'],
    ['模型', 'han'],
    [' 12', 'digits'],
    ['.\n', 'other'],
    ['', 'other'],
    ['(a', 'latin'],
  ])('kindOf(%j) is %s', (piece, kind) => {
    expect(kindOf(piece)).toBe(kind);
  });
});

describe('the map', () => {
  it.each([
    [60, 128, 360],
    [60, 128, 700],
    [7, 16, 500],
    [1, 512, 300],
  ])(
    'of %i layers and %i experts fits into %i pixels, and cells are found where they are drawn',
    (layers, numExperts, width) => {
      const map = { layers: Array.from({ length: layers }, (_, i) => i), numExperts, numChosen: 2 };
      const g = layOut(map, width);
      expect(g.width).toBeLessThanOrEqual(width + 0.5);
      for (const [layerIndex, expert] of [
        [0, 0],
        [layers - 1, numExperts - 1],
        [layers >> 1, numExperts >> 1],
      ]) {
        const x = g.left + (expert + 0.5) * g.cellWidth;
        const y = g.top + (layerIndex + 0.5) * g.cellHeight;
        expect(cellAt(g, map, undefined, x, y)).toEqual({ layerIndex, expert });
      }
      expect(cellAt(g, map, undefined, g.left - 1, g.top + 1)).toBeUndefined();
    },
  );

  it('enlarge() shows cells of a finger around any cell of the map, and no others', () => {
    const map = { layers: Array.from({ length: 60 }, (_, i) => i), numExperts: 128, numChosen: 6 };
    expect(canChoose(layOut(map, 362), true)).toBe(false);
    expect(canChoose(layOut(map, 362), false)).toBe(false);
    expect(canChoose(layOut(map, 576), false)).toBe(true);
    fc.assert(
      fc.property(fc.nat(127), fc.nat(59), fc.integer({ min: 60, max: 700 }), (column, row, width) => {
        const g = enlarge(map, width, column, row);
        expect(canChoose(g, true)).toBe(true);
        expect(g.width).toBeLessThanOrEqual(width);
        expect(cellAt(g, map, undefined, xOf(g, column), yOf(g, row))).toEqual({
          layerIndex: row,
          expert: column,
        });
        expect(cellAt(g, map, undefined, g.width + 1, g.top + 1)).toBeUndefined();
      }),
    );
  });

  it('busiestFirst() is a permutation of each layer, most first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 24, maxLength: 24 }), (counts) => {
        const order = busiestFirst(layout, Float64Array.from(counts));
        for (let layer = 0; layer < 3; layer++) {
          const experts = [...order.expertAt.subarray(layer * 8, layer * 8 + 8)];
          expect([...experts].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
          experts.forEach((expert, column) => {
            expect(order.columnOf[layer * 8 + expert]).toBe(column);
            if (column > 0)
              expect(counts[layer * 8 + expert]).toBeLessThanOrEqual(counts[layer * 8 + experts[column - 1]]);
          });
        }
      }),
    );
  });
});

describe('settings', () => {
  it('survive being stored, and anything else falls back to a first visit', () => {
    const first = readSettings(null, ['fr', 'zh-TW', 'en']);
    expect(first).toMatchObject({
      language: 'zh',
      theme: 'auto',
      recordsRouting: true,
      sampling: NO_SAMPLING,
    });
    const changed = { ...first, language: 'en' as const, sampling: { ...NO_SAMPLING, temperature: 0.5 } };
    expect(readSettings(JSON.stringify(changed), [])).toEqual(changed);
    expect(readSettings('{"sampling":{"temperature":9,"topP":"x"},"theme":1}', [])).toMatchObject({
      language: 'en',
      theme: 'auto',
      sampling: NO_SAMPLING,
    });
    expect(readSettings('[', ['en'])).toEqual(readSettings(null, ['en']));
    expect(readSettings('7', ['en'])).toEqual(readSettings(null, ['en']));
  });

  it.each([
    ['topK', 40, true],
    ['topK', 1.5, false],
    ['topK', -1, false],
    ['temperature', 0.35, true],
    ['temperature', 5, false],
    ['temperature', Number.NaN, false],
    ['seed', 0.5, false],
    ['presencePenalty', -2, true],
    ['minP', '0.1', false],
  ] as const)('%s %s: allowed is %s, also from storage', (key, value, isRight) => {
    expect(isAllowed(key, value)).toBe(isRight);
    const { sampling } = readSettings(JSON.stringify({ sampling: { [key]: value } }), []);
    expect(sampling[key]).toBe(isRight ? value : null);
  });
});

describe('the words of the interface', () => {
  it('name the same values in both languages', () => {
    const names = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const key of Object.keys(TABLES.en) as StringKey[])
      expect(names(TABLES.zh[key]), key).toEqual(names(TABLES.en[key]));
    expect(translator('en')('tokenCount', { count: 1234 })).toBe('1,234 tokens');
  });

  it('are all used', () => {
    const root = new URL('../../page/src/', import.meta.url);
    const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && name !== 'strings.ts')
      .map((name) => readFileSync(new URL(name, root), 'utf8'))
      .join();
    expect(Object.keys(TABLES.en).filter((key) => !new RegExp(`\\b${key}\\b`).test(sources))).toEqual([]);
  });
});
