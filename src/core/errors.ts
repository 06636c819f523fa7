/**
 * The six errors of dots.ts. Every one says what was attempted and what was found (`message`), what to do (`hint`),
 * and carries a `code` that programs can test.
 */
export interface ErrorDetails {
  /** Stable, kebab-case, e.g. `missing-tensors`. */
  readonly code: string;
  /** What the reader can do about it; no full stop. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export abstract class DotsError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.hint = details.hint;
  }
}

/** An argument is invalid: a bad flag, an option out of range. */
export class UsageError extends DotsError {}

export interface FormatDetails extends ErrorDetails {
  /** Byte position in the file where reading failed. */
  readonly offset?: number;
  readonly expected?: string;
  readonly found?: string;
}

/** A file's bytes are not what its format says. */
export class FormatError extends DotsError {
  readonly offset: number | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;

  constructor(message: string, details: FormatDetails) {
    super(message, details);
    this.offset = details.offset;
    this.expected = details.expected;
    this.found = details.found;
  }
}

/** Tensors that do not fit together. */
export class ShapeError extends DotsError {}

/** Well-formed, but something this build cannot do. */
export class UnsupportedError extends DotsError {}

/** The machine ran out of something: memory, disk, file handles; or a resource is closed. */
export class ResourceError extends DotsError {}

/** Our bug, not the user's. The message starts with "internal:". */
export class InternalError extends DotsError {
  constructor(message: string, details: Partial<ErrorDetails> = {}) {
    super(`internal: ${message}`, {
      code: 'internal',
      hint: 'please report this, with the command that led to it',
      ...details,
    });
  }
}
