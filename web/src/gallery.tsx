import { useState } from 'react';
import type { ResultView } from '../../src/runs/view.ts';
import { ApiError, getJson } from './api.ts';
import { archiveAddress, archiveHref } from './archive-address.ts';
import { Icon } from './icon.tsx';
import { Inspector } from './inspector.tsx';
import { pairImages, type GalleryItem } from './pairs.ts';
import { ImportStateMark } from './state.tsx';
import { countText } from './words.ts';

const shownAtFirst = 24;

/** What lies over an image: nothing, its labels, or the labels alone. */
export type GalleryLook = 'image' | 'overlay' | 'labels';

const looks: [GalleryLook, string][] = [
  ['image', 'Image'],
  ['overlay', 'Overlay'],
  ['labels', 'Labels'],
];

/** Pictures of the result images, made from the archive. */
export function Gallery({ runId, images }: { runId: string; images: ResultView[] }): React.ReactElement | null {
  const [look, setLook] = useState<GalleryLook>('overlay');
  const [chosen, setChosen] = useState<string | null>(null);
  const [shown, setShown] = useState(shownAtFirst);
  const items = pairImages(images);
  const open = items.find((item) => item.image.path === chosen) ?? null;
  if (!items.length) return null;
  return (
    <div className={open ? 'with-side' : undefined}>
      <div>
        {items.some((item) => item.labels) && (
          <p className="gallery-head">
            <span className="segments small" role="group" aria-label="Show">
              {looks.map(([name, word]) => (
                <button key={name} type="button" aria-pressed={look === name} onClick={() => setLook(name)}>
                  {word}
                </button>
              ))}
            </span>
          </p>
        )}
        <ul className="gallery">
          {items.slice(0, shown).map((item) => (
            <li key={item.image.path}>
              <Tile
                runId={runId}
                item={item}
                look={look}
                pressed={item === open}
                onPress={() => setChosen(item === open ? null : item.image.path)}
              />
            </li>
          ))}
        </ul>
        <p className="gallery-foot">
          <span>Previews come from the archive, so they do not wait for OMERO.</span>
          {shown < items.length && (
            <>
              <span>{countText(shown, items.length, 'image')}</span>
              <button className="button small" type="button" onClick={() => setShown(shown + 4 * shownAtFirst)}>
                Show more
              </button>
            </>
          )}
        </p>
      </div>
      {open && <Inspector runId={runId} item={open} look={look} onClose={() => setChosen(null)} />}
    </div>
  );
}

function Tile(props: {
  runId: string;
  item: GalleryItem<ResultView>;
  look: GalleryLook;
  pressed: boolean;
  onPress: () => void;
}): React.ReactElement {
  const { image } = props.item;
  const name = image.path.slice(image.path.lastIndexOf('/') + 1);
  return (
    <button className="tile" type="button" aria-pressed={props.pressed} onClick={props.onPress}>
      <Picture runId={props.runId} item={props.item} look={props.look} size={320} />
      <span className="cap" title={name}>
        <span className="name">{name}</span>
      </span>
      <span className="cap sub">
        {image.imageIds.length > 0 ? (
          <span className="ok">
            <Icon name="done" /> Image {image.imageIds[0]}
          </span>
        ) : (
          <ImportStateMark state={image.import} />
        )}
      </span>
    </button>
  );
}

/** An image, its labels over it, or the reason why there is no picture. */
export function Picture(props: {
  runId: string;
  item: GalleryItem<ResultView>;
  look: GalleryLook;
  size: 320 | 960;
}): React.ReactElement {
  const { image, labels } = props.item;
  const layers =
    labels === null || props.look === 'image' ? [image] : props.look === 'labels' ? [labels] : [image, labels];
  return (
    <span className="picture">
      {layers.map((layer, i) => (
        <Layer key={layer.path} runId={props.runId} path={layer.path} size={props.size} over={i > 0} />
      ))}
    </span>
  );
}

function Layer(props: { runId: string; path: string; size: number; over: boolean }): React.ReactElement {
  const [reason, setReason] = useState<string | null>(null);
  const name = props.path.slice(props.path.lastIndexOf('/') + 1);
  const failed = async (): Promise<void> => {
    // The picture itself cannot say why it is not there; the same address can.
    const why = await getJson(archiveAddress(props.runId, 'preview', props.path, { size: props.size })).then(
      () => 'The picture could not be shown.',
      (error: unknown) => (error instanceof ApiError ? error.message : 'The server does not answer.'),
    );
    setReason(why);
  };
  if (reason !== null)
    return (
      <span className="no-picture">
        <Icon name="unknown" />
        <span>{reason}</span>
      </span>
    );
  return (
    <img
      className={props.over ? 'over' : undefined}
      src={archiveHref(props.runId, 'preview', props.path, { size: props.size })}
      alt={props.over ? `Labels of ${name}` : name}
      loading="lazy"
      decoding="async"
      onError={() => void failed()}
    />
  );
}
