import { Icon } from '../icon.tsx';
import type { FormValues } from './form-values.ts';

/** What is to be analysed: a dataset, or images of one, by their ids in OMERO. */
export function InputField(props: {
  values: FormValues;
  wrong: string | null;
  onChange: (next: Partial<FormValues>) => void;
}): React.ReactElement {
  const { values, wrong, onChange } = props;
  return (
    <>
      <fieldset className="choices">
        <legend>Run it on</legend>
        {(['dataset', 'images'] as const).map((of) => (
          <label key={of} className="tick">
            <input type="radio" name="of" checked={values.of === of} onChange={() => onChange({ of })} />
            {of === 'dataset' ? 'a dataset' : 'some images of a dataset'}
          </label>
        ))}
      </fieldset>
      <div className="field">
        <label htmlFor="ids">{values.of === 'dataset' ? 'Id of the dataset' : 'Ids of the images'}</label>
        <input
          id="ids"
          className="input"
          value={values.ids}
          inputMode={values.of === 'dataset' ? 'numeric' : 'text'}
          autoComplete="off"
          required
          aria-invalid={wrong !== null}
          aria-describedby="ids-hint ids-wrong"
          onChange={(event) => onChange({ ids: event.target.value })}
        />
        <span className="hint" id="ids-hint">
          {values.of === 'dataset'
            ? 'As OMERO.web shows it when the dataset is chosen.'
            : 'As OMERO.web shows them, with commas between.'}
        </span>
        <span className="error" id="ids-wrong" role="alert">
          {wrong !== null && (
            <>
              <Icon name="fail" />
              <span>{wrong}</span>
            </>
          )}
        </span>
      </div>
    </>
  );
}
