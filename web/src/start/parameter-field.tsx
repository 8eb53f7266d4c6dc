import { useId } from 'react';
import { Icon } from '../icon.tsx';
import type { Parameter } from './types.ts';

/** One parameter in the form of its type. */
export function ParameterField(props: {
  parameter: Parameter;
  value: string;
  onChange: (value: string) => void;
}): React.ReactElement {
  const { parameter, value, onChange } = props;
  const id = useId();
  const hint = hintOf(parameter);
  const described = hint === '' ? undefined : `${id}-hint`;
  if (parameter.type === 'boolean' && !parameter.optional)
    return (
      <div className="field">
        <label className="tick">
          <input
            type="checkbox"
            checked={value === 'true'}
            aria-describedby={described}
            onChange={(event) => onChange(String(event.target.checked))}
          />
          {parameter.name || parameter.id}
        </label>
        <Hint id={described} text={hint} />
      </div>
    );
  const choices =
    parameter.type === 'boolean'
      ? [
          { value: 'true', label: 'yes' },
          { value: 'false', label: 'no' },
        ]
      : parameter.choices;
  return (
    <div className="field">
      <label htmlFor={id}>{parameter.name || parameter.id}</label>
      {choices ? (
        <span className="select-wrap">
          <select
            id={id}
            className="select"
            value={value}
            aria-describedby={described}
            onChange={(event) => onChange(event.target.value)}
          >
            {(parameter.optional || value === '') && <option value="">none</option>}
            {choices.map((choice) => (
              <option key={String(choice.value)} value={String(choice.value)}>
                {choice.label}
              </option>
            ))}
          </select>
          <Icon name="down" />
        </span>
      ) : (
        <input
          id={id}
          className="input"
          value={value}
          inputMode={parameter.type === 'integer' ? 'numeric' : parameter.type === 'float' ? 'decimal' : 'text'}
          autoComplete="off"
          aria-describedby={described}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      <Hint id={described} text={hint} />
    </div>
  );
}

function Hint({ id, text }: { id: string | undefined; text: string }): React.ReactElement | null {
  return id === undefined ? null : (
    <span className="hint" id={id}>
      {text}
    </span>
  );
}

function hintOf({ description, minimum, maximum, type, optional, choices }: Parameter): string {
  const range =
    minimum !== null && maximum !== null
      ? `From ${minimum} to ${maximum}.`
      : minimum !== null
        ? `At least ${minimum}.`
        : maximum !== null
          ? `At most ${maximum}.`
          : '';
  const form = choices ? '' : type === 'integer' ? 'A whole number.' : type === 'float' ? 'A number.' : '';
  return [description, range || form, optional ? 'May be left empty.' : ''].filter((text) => text !== '').join(' ');
}
