import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { goldenTinyHf, TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../../fixtures/golden-dots1.ts';

it('tiny-hf: the recorded logits have their maximum where argmax says, and every file is there', () => {
  const { tokens, argmax, vocabSize, logits_TV, greedy } = goldenTinyHf();
  const best = tokens.map((_, row) => {
    const logits = logits_TV.subarray(row * vocabSize, (row + 1) * vocabSize);
    return logits.indexOf(Math.max(...logits));
  });
  expect(best).toEqual(argmax);
  for (const { continuation, margin } of greedy) {
    expect(continuation.length).toBeGreaterThan(4);
    expect(margin).toBeGreaterThan(1);
  }
  for (const path of [`${TINY_HF_FOLDER}/model.safetensors`, TINY_LLAMACPP_GGUF]) {
    expect(statSync(path).size).toBeGreaterThan(500_000);
  }
});
