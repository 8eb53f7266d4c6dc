import { Component } from 'react';
import { PageTitle } from './page-title.tsx';

interface Fault {
  error: Error | null;
}

/**
 * Stands in for a page that failed. The likeliest cause: the server was updated, and the part of the pages that this one
 * asks for is not there any more.
 */
export class PageFault extends Component<{ children: React.ReactNode }, Fault> {
  override state: Fault = { error: null };

  static getDerivedStateFromError(error: unknown): Fault {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): React.ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div role="alert">
        <PageTitle text="This page cannot be shown" />
        <h1>This page cannot be shown</h1>
        <p className="lede">
          The server may have been updated since you opened it, or does not answer. Nothing is lost: runs go on without
          this page.
        </p>
        <p className="quiet">
          <code>{error.message.slice(0, 300)}</code>
        </p>
        <p className="actions after-lede">
          <button className="button primary" type="button" onClick={() => location.reload()}>
            Load it again
          </button>
        </p>
      </div>
    );
  }
}
