import { CommanderError } from 'commander';
import { DotsError, UsageError } from '../core/errors.ts';
import { printable } from './printable.ts';
import { Interrupted, OutputClosed, type Session } from './session.ts';

export const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

/** Write one `error:` line and one `hint:` line to stderr, and give the exit code. Hints name the command's own help. */
export function reportError(error: unknown, session: Session, command?: string): number {
  // An interrupted command may fail in many ways on its way out; why it ended is the interruption.
  const reason = session.signal.aborted ? session.signal.reason : error;
  if (reason instanceof OutputClosed) return EXIT_OK;
  if (reason instanceof Interrupted) return EXIT_INTERRUPTED;
  if (reason instanceof CommanderError) return reportCommanderError(reason, session, command);

  const { message, hint } = describe(reason);
  writeError(session, message, hint);
  if (session.io.env.DOTS_LOG === 'debug' && reason instanceof Error) session.note(reason.stack ?? '');
  return reason instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}

function describe(error: unknown): { message: string; hint: string | undefined } {
  if (error instanceof DotsError) return { message: error.message, hint: error.hint };
  if (error instanceof RangeError && error.message.includes('allocation failed')) {
    return {
      message: 'There is not enough memory',
      hint: 'give a smaller --ctx, use a model of fewer bits, or close other programs',
    };
  }
  // Whatever is none of our six classes was not foreseen, and is therefore our bug.
  return {
    message: `internal: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'please report this with the command that led to it; DOTS_LOG=debug shows where it happened',
  };
}

function reportCommanderError(error: CommanderError, session: Session, command: string | undefined): number {
  // --help and --version end parsing this way; their text is out already.
  if (error.exitCode === 0) return EXIT_OK;
  if (error.code === 'commander.help') return EXIT_USAGE;
  const [text, suggestion] = error.message.split('\n');
  const message = text.replace(/^error: /, '').replace(/\.$/, '');
  const meant = /\(Did you mean (.*)\?\)/.exec(suggestion ?? '')?.[1];
  const help = command ? `dots ${command} --help shows its options` : 'dots --help shows the commands';
  writeError(session, capitalised(message), meant ? `did you mean ${meant}? ${help}` : help);
  return EXIT_USAGE;
}

function writeError(session: Session, message: string, hint: string | undefined): void {
  const { stderr } = session.io;
  session.note(`${session.style(['red', 'bold'], 'error:', stderr)} ${oneLine(message)}`);
  if (hint !== undefined) session.note(`${session.style('cyan', 'hint:', stderr)}  ${oneLine(hint)}`);
}

/** Scripts read these two lines, and a message may quote anything. */
function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, ' '));
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
