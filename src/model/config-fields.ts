import { FormatError, UnsupportedError } from '../core/errors.ts';

/** More than any model has: what is made for each layer stays small, whatever a damaged file says. */
export const MAX_LAYERS = 10_000;

/** What reading a configuration has found wrong, so that the user sees all of it at once. */
export abstract class ConfigFields {
  protected readonly problems: string[] = [];
  private readonly refused: string[] = [];

  /** Note a variant that would be computed wrongly if it were ignored; `what` completes "asks for …". */
  refuseIf(condition: boolean, what: string): void {
    if (condition && !this.refused.includes(what)) this.refused.push(what);
  }

  /** Throws `UnsupportedError` naming every refused variant, or `FormatError` naming every missing or malformed field. */
  finish(origin: string, title: string, hint: string): void {
    if (this.refused.length > 0) {
      throw new UnsupportedError(
        `${origin} asks for ${this.refused.join('; ')}, which ${title} does not have`,
        {
          code: 'unsupported-variant',
          hint: 'open an issue with the name of the model that needs it',
        },
      );
    }
    if (this.problems.length > 0) {
      throw new FormatError(
        `Cannot read the model's configuration from ${origin}: ${this.problems.join('; ')}`,
        { code: 'bad-config', hint },
      );
    }
  }
}
