import { describe, expect, it } from 'vitest';
import { questionOf, sampleAccepted, VERIFIERS } from '../../src/data/rejection-sampling.ts';
import { mathResult, verifyMathAnswer } from '../../src/data/verify-math.ts';

const shown = (text: string) => {
  const result = mathResult(text);
  return result && `${result.top}/${result.bottom}`;
};

describe('mathResult()', () => {
  it.each([
    ['The answer is 38.', '38/1'],
    ['We get 5 + 3 = 8', '8/1'],
    ['7-3', '3/1'],
    ['so x = -3', '-3/1'],
    ['It costs $1,250.50 in all', '2501/2'],
    ['#### 12\n', '12/1'],
    ['\\boxed{\\frac{2}{6}} as 2 of 6', '1/3'],
    ['\\boxed{-\\frac{1}{2}}', '-1/2'],
    ['The answer is 3/4, since 7 of 9 …', '3/4'],
    ['答案是12。', '12/1'],
    ['一共有二十三个苹果', '23/1'],
    ['三分之二', '2/3'],
    ['他们一共付了12元，一定', '12/1'],
    ['统一价格是8元，这是其中之一', '8/1'],
    ['周长是9，是三角形', '9/1'],
    ['答案一定是七', '7/1'],
    ['只有一个', '1/1'],
    ['万一下雨', undefined],
    ['十一共', '11/1'],
    ['他有一千零五十元', '1050/1'],
    ['两万三千', '23000/1'],
    ['十', '10/1'],
    ['２０２４年', '2024/1'],
    ['no result here', undefined],
    ['1/0', undefined],
    ['', undefined],
  ])('reads %j as %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

describe('verifyMathAnswer()', () => {
  it.each([
    ['so it is 0.5', 'The answer is 1/2.', true],
    ['1000', 'The answer is 1,000.', true],
    ['I think 7', 'The answer is 8.', false],
    ['I do not know', 'The answer is 8.', false],
    ['So the answer is B.', 'So the answer is B.', true],
    ['所以选A。', '所以选B。', false],
    ['选B', 'B', true],
    ['Answer: B', 'B', true],
    ['Answer: B', 'The answer is B.', true],
    ['Answer: C', 'B', false],
    ['so we get \\boxed{B}', 'B', true],
    ['\\boxed{\\text{B}}', '(B)', true],
    ['\\boxed{A}', 'B', false],
    ['\\boxed{12}', 'B', false],
    ['After all, **B**', 'B', true],
    ['The answer is **B**.', 'B', true],
    ['**Answer:** B', 'B', true],
    ['The correct option is (B) because 3 > 2.', 'B', true],
    ['The answer is A because of it.', 'A', true],
    ['Answer: A man walks home.', 'A', false],
    ['I had B first. The answer is C', 'B', false],
    ['答案：B', 'B', true],
    ['答案选（B）', 'B', true],
    ['#### B', 'B', true],
    ['It is 12.', 'The answer is a dozen, 12.', true],
    ['Because of this, Adam wins', 'A', false],
  ])('judges %j against %j', (answer, reference, right) => {
    expect(verifyMathAnswer(answer, reference)).toBe(right);
  });
});

describe('sampleAccepted()', () => {
  const questions = [3, 4].map((n) => ({
    messages: [{ role: 'user', content: `${n} + ${n}?` }],
    reference: `The answer is ${2 * n}.`,
  }));
  const options = { questions, verify: VERIFIERS.math, samplesPerQuestion: 50, seed: 1 };

  it('keeps different right answers and no other, and the same ones again', async () => {
    const generate = async (_: unknown, seed: number) =>
      seed % 7 === 0 ? undefined : `It is ${6 + (seed % 3)}.`;
    const result = await sampleAccepted({ ...options, generate, keepPerQuestion: 2 });
    expect(result.accepted.map(({ messages }) => messages.at(-1)?.content)).toEqual(['It is 6.', 'It is 8.']);
    expect(result.accepted[0].messages[0]).toEqual(questions[0].messages[0]);
    expect(result.numSolved).toBe(2);
    expect(await sampleAccepted({ ...options, generate, keepPerQuestion: 2 })).toEqual(result);
  });

  it('draws each answer with a seed of its own, whatever the seed and the number of the question', async () => {
    // 100,003 × seed + question was the same for question 100,003 of seed 0 and the first one of seed 1.
    const seeds: number[] = [];
    const generate = async (_: unknown, seed: number) => void seeds.push(seed);
    const many = Array.from({ length: 100_004 }, () => questions[0]);
    await sampleAccepted({ ...options, questions: many, generate, samplesPerQuestion: 1, seed: 0 });
    await sampleAccepted({ ...options, generate, samplesPerQuestion: 3 });
    expect(seeds.length).toBe(100_010);
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(seeds.every((seed) => Number.isSafeInteger(seed))).toBe(true);
  });

  it('stops drawing when it has enough', async () => {
    const result = await sampleAccepted({ ...options, generate: async () => '6 or 8' });
    expect(result).toMatchObject({ numSampled: 51, numSolved: 1 });
  });
});

describe('questionOf()', () => {
  it('takes the last answer as the reference', () => {
    const user = { role: 'user', content: '1+1?' };
    expect(questionOf([user, { role: 'assistant', content: '2' }])).toEqual({
      messages: [user],
      reference: '2',
    });
    expect(questionOf([user])).toBeUndefined();
  });
});
