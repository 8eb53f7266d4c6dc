import { useEffect, useState } from 'react';

/** Still grey bars, and only when it takes a while: what comes at once must not flicker. */
export function Loading({ what }: { what: string }): React.ReactElement {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div aria-busy="true">
      <span className="vh" role="status">
        {late ? `Loading the ${what}` : ''}
      </span>
      {late && (
        <div className="panel bones">
          <span className="bone" />
          <span className="bone" />
          <span className="bone" />
        </div>
      )}
    </div>
  );
}
