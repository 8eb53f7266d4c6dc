import type { RunView } from '../../src/runs/view.ts';
import { Copyable } from './copy.tsx';
import { Icon } from './icon.tsx';
import { ContainerLink } from './omero-link.tsx';
import { hasFailed } from './run-words.ts';
import { Time } from './time.tsx';
import { countText, numberText, sizeText } from './words.ts';

/** The two questions that come first on every run: are the results safe, and are they in OMERO. */
export function Facts({ view }: { view: RunView }): React.ReactElement {
  return (
    <div className="panel facts">
      <ArchiveFact view={view} />
      <OmeroFact view={view} />
    </div>
  );
}

function ArchiveFact({ view }: { view: RunView }): React.ReactElement {
  const { archive } = view;
  if (view.recipe === 'get-results')
    return (
      <section className="fact">
        <span className="idle">
          <Icon name="unsafe" />
        </span>
        <div>
          <h2>No archive</h2>
          <p>
            {view.state === 'done'
              ? 'Images, log and zip of the results are in OMERO; this site keeps no archive beside it.'
              : 'This site keeps no archive: the results stay on the cluster until they are in OMERO.'}
          </p>
        </div>
      </section>
    );
  if (!archive)
    return (
      <section className="fact">
        <span className="idle">
          <Icon name="unsafe" />
        </span>
        <div>
          <h2>Not archived{hasFailed(view) ? '' : ' yet'}</h2>
          <p>{hasFailed(view) ? 'No results were brought home.' : notYet(view.jobId)}</p>
        </div>
      </section>
    );
  return (
    <section className="fact">
      <span className="ok">
        <Icon name="safe" />
      </span>
      <div>
        <h2>
          Archive safe{' '}
          <span title={`${archive.bytes.toLocaleString('en')} bytes`}>
            {numberText(archive.files, 'file')}, {sizeText(archive.bytes)}
          </span>
        </h2>
        <p>
          Every checksum was compared after the copy
          {archive.verifiedAt && (
            <>
              , at <Time iso={archive.verifiedAt} exact />
            </>
          )}
          . Whatever happens to the import, the results stay.
        </p>
        <div className="row">
          <Copyable text={archive.path} what="archive path" />
        </div>
      </div>
    </section>
  );
}

function notYet(jobId: number | null): string {
  return jobId === null
    ? 'There are no results yet.'
    : 'The results stay on the cluster until their copy here has been verified.';
}

function OmeroFact({ view }: { view: RunView }): React.ReactElement {
  const { imagesTotal: total, imagesFound: found } = view;
  const nothingToImport = view.state === 'done' && total === null;
  const all = total !== null && found >= total;
  const stopped = hasFailed(view) || view.state === 'attention';
  const tone = all ? 'ok' : total === null ? 'idle' : stopped ? 'warn' : 'run';
  return (
    <section className="fact">
      <span className={tone}>
        <Icon name="eye" />
      </span>
      <div>
        <h2>
          {omeroTitle(view, nothingToImport, all)} {total !== null && <span>{countText(found, total, 'image')}</span>}
        </h2>
        {total !== null && !all && (
          <progress
            className={`meter${stopped ? ' warn' : ''}`}
            max={total}
            value={found}
            aria-label="Images in OMERO"
            aria-valuetext={countText(found, total, 'image')}
          />
        )}
        <p>
          {nothingToImport
            ? view.results.some((r) => r.kind === 'image')
              ? 'The images among the results were not to be imported.'
              : 'No image is among the results.'
            : 'An image counts once it was found in OMERO, not when it was sent.'}
        </p>
        {view.destination && (
          <div className="row">
            <ContainerLink {...view.destination} />
          </div>
        )}
      </div>
    </section>
  );
}

function omeroTitle(view: RunView, nothingToImport: boolean, all: boolean): string {
  if (nothingToImport) return 'Nothing to import';
  if (all) return 'Visible in OMERO';
  if (view.state === 'running' && view.imagesTotal !== null) return 'Coming into OMERO';
  if (view.imagesFound > 0) return 'Partly visible in OMERO';
  return hasFailed(view) ? 'Not in OMERO' : 'Not in OMERO yet';
}
