import type { ResultView } from '../../src/runs/view.ts';
import { ImportStateMark } from './state.tsx';
import { sizeText } from './words.ts';

/** Everything the job left, images first. */
export function Results(props: { results: ResultView[]; archived: boolean }): React.ReactElement {
  const images = props.results.filter((r) => r.kind === 'image').length;
  return (
    <section className="section" id="results" aria-labelledby="results-title">
      <div className="section-head">
        <h2 id="results-title">Results</h2>
        <span className="aside">
          {props.archived ? `${images} images and ${props.results.length - images} other files` : 'They appear here once they are archived.'}
        </span>
      </div>
      {props.results.length > 0 && (
        <div className="panel scroll">
          <table className="results">
            <caption className="vh">Archived files with their size, checksum and state in OMERO</caption>
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col">State</th>
                <th scope="col">In OMERO</th>
                <th scope="col" className="num">
                  Size
                </th>
                <th scope="col">SHA-256</th>
              </tr>
            </thead>
            <tbody>
              {props.results.map((r) => (
                <ResultRow key={r.path} result={r} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function ResultRow({ result }: { result: ResultView }): React.ReactElement {
  return (
    <tr>
      <th scope="row">
        <code className="path">{result.path}</code>
        {result.error && <small className="fail">{result.error}</small>}
      </th>
      <td>
        <ImportStateMark state={result.import} />
      </td>
      <td className="nowrap">
        {result.imageIds.length > 0 && `Image ${result.imageIds.join(', ')}`}
        {result.plateIds.length > 0 && `Plate ${result.plateIds.join(', ')}`}
      </td>
      <td className="num" title={`${result.bytes.toLocaleString('en')} bytes`}>
        {sizeText(result.bytes)}
      </td>
      <td>
        <code title={result.sha256}>{result.sha256.slice(0, 12)}</code>
      </td>
    </tr>
  );
}
