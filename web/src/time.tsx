import { clockText, fullTimeText, timeText } from './words.ts';

/** A time in the reader's zone; its title is the whole of it. `exact` adds seconds, for times within a run. */
export function Time(props: { iso: string; exact?: boolean; quiet?: boolean }): React.ReactElement {
  const { iso } = props;
  return (
    <time dateTime={iso} title={fullTimeText(iso)} className={props.quiet ? 'quiet' : undefined}>
      {props.exact && isToday(iso) ? clockText(iso) : timeText(iso)}
    </time>
  );
}

function isToday(iso: string): boolean {
  return new Date(iso).toDateString() === new Date().toDateString();
}
