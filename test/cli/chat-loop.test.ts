import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/cli/answer.ts';
import { chatLoop } from '../../src/cli/chat-loop.ts';
import { Session } from '../../src/cli/session.ts';
import { UsageError } from '../../src/core/errors.ts';
import type { ChatMessage } from '../../src/text/chat-template.ts';

const TIMINGS: Answer['timings'] = {
  promptTokens: 1,
  promptMs: 1,
  promptPerSecond: 1,
  predictedTokens: 1,
  predictedMs: 1,
  predictedPerSecond: 1,
};

/** Runs a conversation with a model that answers "1", "2", …; gives what the model was asked, and stderr. */
async function converse(
  input: string,
  options: { system?: string; isTerminal?: boolean; fail?: Error } = {},
): Promise<{ asked: string[]; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const session = new Session({
    stdin: Object.assign(Readable.from([Buffer.from(input)]), { isTTY: options.isTerminal ?? false }),
    stdout,
    stderr,
    env: {},
    onInterrupt: () => () => {},
    exit: () => {},
  });
  const asked: string[] = [];
  const reply = async (
    messages: readonly ChatMessage[],
    _: AbortSignal,
    onPiece: (piece: string) => Promise<void>,
  ): Promise<Answer> => {
    asked.push(messages.map(({ role, content }) => `${role}: ${content}`).join(' | '));
    if (options.fail && asked.length === 1) throw options.fail;
    const text = String(asked.length);
    await onPiece(text);
    return { text, tokens: [], promptTokens: [], finishReason: 'stop', timings: TIMINGS };
  };
  try {
    await chatLoop(session, { name: 'test', system: options.system, reply });
  } finally {
    session.close();
  }
  return { asked, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

describe('chatLoop()', () => {
  it('hands over the whole conversation each time', async () => {
    const { asked, stdout } = await converse('a\n\n b\n', { system: 'S' });
    expect(asked).toEqual(['system: S | user: a', 'system: S | user: a | assistant: 1 | user:  b']);
    expect(stdout).toBe('1\n2\n');
  });

  // Node 24 throws when a closed reader has to read a line.
  it.each(['a\n', 'a\n\u0004'])(
    'ends without an error where the input ends while the model answers: %j',
    async (input) => {
      const { asked, stdout, stderr } = await converse(input, { isTerminal: true });
      expect(asked).toEqual(['user: a']);
      expect(stdout).toBe('1\n');
      // Nobody is asked again.
      expect(stderr.split('> ').length - 1).toBe(1);
    },
  );

  it('/reset forgets messages but not the instruction, /system changes it', async () => {
    const { asked } = await converse('a\n/reset\nb\n/system T U\n/reset\nc\n/system\n/reset\nd\n', {
      system: 'S',
    });
    expect(asked).toEqual(['system: S | user: a', 'system: S | user: b', 'system: T U | user: c', 'user: d']);
  });

  it('/retry asks again without the last answer', async () => {
    expect((await converse('/retry\na\n/retry\nb\n')).asked).toEqual([
      'user: a',
      'user: a',
      'user: a | assistant: 2 | user: b',
    ]);
  });

  it('joins lines between two """, and a double slash begins a message with one', async () => {
    const { asked } = await converse('"""x\n y\n\nz""" \n//etc\n');
    expect(asked[0]).toBe('user: x\n y\n\nz');
    expect(asked[1]).toContain('user: /etc');
  });

  it('ends at /exit, and distinguishes unknown commands from messages', async () => {
    const { asked, stderr } = await converse('/nothing x\n/help\n/exit\na\n');
    expect(asked).toEqual([]);
    expect(stderr).toContain('there is no command /nothing');
    expect(stderr).toContain('/retry');
  });

  it('forgets a question that failed; a script ends there, a person continues', async () => {
    const fail = new UsageError('too long', { code: 'prompt-too-long', hint: 'say less' });
    await expect(converse('a\nb\n', { fail })).rejects.toBe(fail);
    const { asked, stderr } = await converse('a\nb\n', { fail, isTerminal: true });
    expect(asked).toEqual(['user: a', 'user: b']);
    expect(stderr).toContain('error: too long\n');
    expect(stderr).toContain('hint:  say less\n');
  });
});
