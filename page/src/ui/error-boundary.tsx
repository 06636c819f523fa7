import { Component, type ComponentChildren } from 'preact';

interface ErrorBoundaryProps {
  /** Shown instead of children that threw. */
  readonly fallback: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Keeps a part of the page that fails from taking the rest along. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static override getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render({ fallback, children }: ErrorBoundaryProps): ComponentChildren {
    return this.state.hasFailed ? fallback : children;
  }
}
