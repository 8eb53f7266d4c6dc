import { useState } from 'react';
import type { ResultView } from '../../src/runs/view.ts';
import { Copyable } from './copy.tsx';
import { Gallery } from './gallery.tsx';
import { ImageLinks } from './omero-link.tsx';
import { ImportStateMark } from './state.tsx';
import { countText, numberText, sizeText } from './words.ts';

/** Archives hold tens of thousands of files; a page does not. */
const shownAtFirst = 200;

const kinds: Record<ResultView['kind'], string> = {
  image: 'image',
  table: 'table',
  log: 'log',
  provenance: 'origin',
  other: 'other',
};

/** Everything the job left, images first. */
export function Results(props: {
  runId: string;
  results: ResultView[];
  archived: boolean;
  repeatable: boolean;
}): React.ReactElement {
  const [all, setAll] = useState(false);
  const images = props.results.filter((r) => r.kind === 'image');
  // What went wrong comes first, however many files there are.
  const sorted = props.results.toSorted((a, b) => Number(b.import === 'failed') - Number(a.import === 'failed'));
  const shown = all ? sorted : sorted.slice(0, shownAtFirst);
  const words = [numberText(images.length, 'image'), numberText(props.results.length - images.length, 'other file')];
  const failed = images.filter((r) => r.import === 'failed').length;
  return (
    <section className="section" id="results" aria-labelledby="results-title">
      <div className="section-head">
        <h2 id="results-title">Results</h2>
        <span className="aside">
          {props.results.length > 0 ? words.join(', ') : 'They appear here once they came home.'}
          {failed > 0 && <span className="warn">, {countText(failed, images.length, 'image')} not imported</span>}
          {failed > 0 && props.repeatable && (
            <>
              {' '}
              <a href="#failure">Retry the missing</a>
            </>
          )}
        </span>
      </div>
      {props.archived && <Gallery runId={props.runId} images={images} />}
      {props.results.length > 0 && (
        <div className="panel">
          <div className="scroll" tabIndex={0} role="region" aria-label="Table: files of the results">
            <table className="files">
              <caption className="vh">Files of the results with their kind, size, checksum and state in OMERO</caption>
              <thead>
                <tr>
                  <th scope="col">File</th>
                  <th scope="col">Kind</th>
                  <th scope="col">State</th>
                  <th scope="col">In OMERO</th>
                  <th scope="col" className="num">
                    Size
                  </th>
                  <th scope="col">SHA-256</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((r) => (
                  <ResultRow key={r.path} result={r} archived={props.archived} />
                ))}
              </tbody>
            </table>
          </div>
          {shown.length < props.results.length && (
            <div className="table-foot">
              <span>{countText(shown.length, props.results.length, 'file')}</span>
              <button className="button small" type="button" onClick={() => setAll(true)}>
                Show all
              </button>
            </div>
          )}
        </div>
      )}
    </section>
  );
}

function ResultRow({ result, archived }: { result: ResultView; archived: boolean }): React.ReactElement {
  return (
    <tr>
      <th scope="row">
        <code className="path">{result.path}</code>
        {result.error && <small className="fail">{result.error}</small>}
      </th>
      <td className="c-kind quiet">{kinds[result.kind]}</td>
      <td className="c-state">
        <ImportStateMark state={result.import} archived={archived} />
      </td>
      <td className="c-omero">
        <ImageLinks result={result} />
      </td>
      <td className="c-size num" title={`${result.bytes.toLocaleString('en')} bytes`}>
        {sizeText(result.bytes)}
      </td>
      <td className="c-sum">
        <Copyable text={result.sha256} shown={result.sha256.slice(0, 12)} what={`SHA-256 of ${result.path}`} />
      </td>
    </tr>
  );
}
