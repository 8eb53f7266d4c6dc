import type { ResultView } from '../../src/runs/view.ts';
import { archiveHref } from './archive-address.ts';
import { Copyable } from './copy.tsx';
import { Picture, type GalleryLook } from './gallery.tsx';
import { Icon } from './icon.tsx';
import { ImageValues } from './image-values.tsx';
import { ImageLinks } from './omero-link.tsx';
import type { GalleryItem } from './pairs.ts';
import { ImportStateMark } from './state.tsx';
import { sizeText } from './words.ts';

/** One result image, large, with what is known about it. */
export function Inspector(props: {
  runId: string;
  item: GalleryItem<ResultView>;
  look: GalleryLook;
  onClose: () => void;
  children?: React.ReactNode;
}): React.ReactElement {
  const { image, labels } = props.item;
  const name = image.path.slice(image.path.lastIndexOf('/') + 1);
  return (
    <figure className="panel inspector">
      <figcaption>
        <strong>{name}</strong>
        <button className="button bare small" type="button" onClick={props.onClose}>
          Close
        </button>
      </figcaption>
      <Picture key={image.path} runId={props.runId} item={props.item} look={props.look} size={960} />
      {props.children}
      <dl className="pairs">
        <dt>State</dt>
        <dd>
          <ImportStateMark state={image.import} />
        </dd>
        {image.imageIds.length > 0 && (
          <>
            <dt>In OMERO</dt>
            <dd>
              <ImageLinks result={image} />
            </dd>
          </>
        )}
        {image.error && (
          <>
            <dt>Reason</dt>
            <dd className="fail">{image.error}</dd>
          </>
        )}
        {labels && (
          <>
            <dt>Labels</dt>
            <dd>
              <code className="path">{labels.path}</code>
            </dd>
          </>
        )}
        <ImageValues key={image.path} runId={props.runId} path={image.path} of={labels ? 'Image' : ''} />
        {labels && <ImageValues key={labels.path} runId={props.runId} path={labels.path} of="Labels" />}
        <dt>Size</dt>
        <dd>{sizeText(image.bytes)}</dd>
        {image.sha256 && (
          <>
            <dt>SHA-256</dt>
            <dd>
              <Copyable text={image.sha256} shown={image.sha256.slice(0, 12)} what={`SHA-256 of ${name}`} />
            </dd>
          </>
        )}
      </dl>
      {image.sha256 && (
        <p className="actions">
          <a className="button small" href={archiveHref(props.runId, 'file', image.path)} download>
            <Icon name="download" />
            Download
          </a>
        </p>
      )}
    </figure>
  );
}
