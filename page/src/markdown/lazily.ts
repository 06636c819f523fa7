export interface Lazy<T> {
  load(): Promise<T>;
  /** Undefined until it is loaded. */
  readonly value: T | undefined;
}

/** A part of the page that is loaded once, when it is needed. A load that failed is not kept: the next one tries again. */
export function lazily<T>(start: () => Promise<T>): Lazy<T> {
  let loading: Promise<T> | undefined;
  let value: T | undefined;
  const run = async (): Promise<T> => {
    try {
      value = await start();
      return value;
    } catch (error) {
      loading = undefined;
      throw error;
    }
  };
  return {
    load: () => {
      loading ??= run();
      return loading;
    },
    get value() {
      return value;
    },
  };
}

const FIRST_RETRY_MS = 2000;
const MAX_TRIES = 6;

/** Runs a task that needs lazy parts, again and again with growing pauses where it fails. Returns what ends that. */
export function retried(task: () => Promise<unknown>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;
  const run = (numFailed: number): void => {
    task().catch(() => {
      if (isEnded || numFailed === MAX_TRIES) return;
      timer = setTimeout(run, FIRST_RETRY_MS * 2 ** (numFailed - 1), numFailed + 1);
    });
  };
  run(1);
  return () => {
    isEnded = true;
    clearTimeout(timer);
  };
}

/** Adds a style sheet and waits for it; one that did not come is taken away again, so that it can be added anew. */
export function loadStyles(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = address;
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(new Error(`Cannot load ${address}`));
    };
    document.head.append(link);
  });
}
