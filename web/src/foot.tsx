import { useState } from 'react';
import { keepTheme, keptTheme, themes, type Theme } from './theme.ts';
import { offsetText } from './words.ts';

const words: Record<Theme, string> = { system: 'System', light: 'Light', dark: 'Dark' };

/** Time zone, theme and keyboard help, below every page. */
export function Foot({ onHelp }: { onHelp: () => void }): React.ReactElement {
  const [theme, setTheme] = useState(keptTheme);
  return (
    <footer className="foot">
      <span>biomero-bridge</span>
      <span>Times are in {zone()}</span>
      <span className="segments small" role="group" aria-label="Theme">
        {themes.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={theme === one}
            onClick={() => {
              keepTheme(one);
              setTheme(one);
            }}
          >
            {words[one]}
          </button>
        ))}
      </span>
      <button className="button bare small" type="button" onClick={onHelp}>
        Keyboard <kbd aria-hidden="true">?</kbd>
      </button>
    </footer>
  );
}

function zone(): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const offset = offsetText(-new Date().getTimezoneOffset());
  return name === offset ? name : `${name} (${offset})`;
}
