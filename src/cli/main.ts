import type { Command } from 'commander';
import { type Io, processIo } from './io.ts';
import { buildProgram } from './program.ts';
import { reportError } from './report-error.ts';
import { Session } from './session.ts';

/**
 * Run the command line and give its exit code: 0 fine, 1 failed, 2 wrong usage, 130 interrupted. `argv` is without
 * program names. Never throws.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const session = new Session(io);
  const program = buildProgram(session);
  try {
    // -V is what -v was called in earlier versions.
    const [first, ...others] = argv;
    await program.parseAsync(first === '-V' ? ['-v', ...others] : argv, { from: 'user' });
    // A command that was interrupted just as it ended was interrupted all the same.
    session.signal.throwIfAborted();
    return session.exitCode;
  } catch (error) {
    return reportError(error, session, commandName(program, argv));
  } finally {
    session.close();
  }
}

/** `run`, `tokenizer train`, or undefined where no command was recognised. */
function commandName(program: Command, argv: readonly string[]): string | undefined {
  const names: string[] = [];
  let parent: Command | undefined = program;
  for (const word of argv) {
    parent = parent.commands.find((command) => command.name() === word);
    if (!parent) break;
    names.push(word);
  }
  return names.length > 0 ? names.join(' ') : undefined;
}
