import { Icon } from './icon.tsx';

/** One of several names, or all of them. */
export function Choice(props: {
  label: string;
  all: string;
  value: string;
  names: string[];
  onChoose: (name: string) => void;
}): React.ReactElement | null {
  // A choice of one is none.
  if (props.names.length < 2 && props.value === '') return null;
  const names = props.names.includes(props.value) || props.value === '' ? props.names : [props.value, ...props.names];
  return (
    <span className="select-wrap">
      <select
        className="select"
        aria-label={props.label}
        value={props.value}
        onChange={(event) => props.onChoose(event.target.value)}
      >
        <option value="">{props.all}</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <Icon name="down" />
    </span>
  );
}
