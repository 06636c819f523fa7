/** Whatever owns memory, files or threads. */
export interface Closable {
  close(): Promise<void> | void;
}

/** Close all of them, the last one first, whatever one of them throws. Throws the first error once all are closed. */
export async function closeAll(owned: readonly Closable[]): Promise<void> {
  const errors: unknown[] = [];
  for (const one of [...owned].reverse()) {
    try {
      await one.close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/**
 * Run `work`, which hands each thing to `own` as soon as it is open. If `work` throws, all of them are closed, the last
 * one first, and its error is thrown; if it returns, they stay open and belong to its result.
 */
export async function closeOnThrow<T>(
  work: (own: <C extends Closable>(opened: C) => C) => Promise<T>,
): Promise<T> {
  const owned: Closable[] = [];
  try {
    return await work((opened) => {
      owned.push(opened);
      return opened;
    });
  } catch (error) {
    // What closing throws besides would hide why.
    await closeAll(owned).catch(() => undefined);
    throw error;
  }
}
