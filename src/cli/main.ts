import { type Io, processIo } from './io.ts';
import { buildProgram } from './program.ts';
import { EXIT_OK, reportError } from './report-error.ts';
import { Session } from './session.ts';

/**
 * Run the command line and give its exit code: 0 fine, 1 failed, 2 wrong usage, 130 interrupted. `argv` is without
 * program names. Never throws.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const session = new Session(io);
  try {
    await buildProgram(session).parseAsync(argv, { from: 'user' });
    // A command that was interrupted just as it ended was interrupted all the same.
    session.signal.throwIfAborted();
    return EXIT_OK;
  } catch (error) {
    return reportError(error, session);
  } finally {
    session.close();
  }
}
