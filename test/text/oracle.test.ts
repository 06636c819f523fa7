import { expect, test } from 'vitest';
import { fixtureTokenizer } from './fixture.ts';
import { COMPOSED, CONTROL_AS_TEXT, CONTROL_RECOGNISED, differences } from './oracle.ts';

// A quick look at every 23rd string; oracle.slow.test.ts compares them all.
test('encode() gives the ids of Hugging Face tokenizers', () => {
  const tokenizer = fixtureTokenizer();
  const composing = fixtureTokenizer({ normalizer: 'nfc' });
  expect(differences(CONTROL_AS_TEXT, (text) => tokenizer.encode(text), 23)).toEqual([]);
  expect(differences(CONTROL_RECOGNISED, (text) => tokenizer.encode(text, { control: true }), 23)).toEqual(
    [],
  );
  expect(differences(COMPOSED, (text) => composing.encode(text, { control: true }), 23)).toEqual([]);
});
