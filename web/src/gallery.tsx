import { useCallback, useState } from 'react';
import type { ResultView } from '../../src/runs/view.ts';
import { ApiError, getJson } from './api.ts';
import { archiveAddress, archiveHref } from './archive-address.ts';
import { Icon } from './icon.tsx';
import { LabelCount } from './image-values.tsx';
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
  const [opacity, setOpacity] = useState(0.6);
  const [chosen, setChosen] = useState<string | null>(null);
  const [shown, setShown] = useState(shownAtFirst);
  const items = pairImages(images);
  const open = items.find((item) => item.image.path === chosen) ?? null;
  if (!items.length) return null;
  return (
    <div className={open ? 'with-side' : undefined} style={{ '--over': opacity } as React.CSSProperties}>
      <div>
        {items.some((item) => item.labels !== null || item.alone) && (
          <div className="gallery-head">
            <span className="segments small" role="group" aria-label="Show">
              {looks.map(([name, word]) => (
                <button key={name} type="button" aria-pressed={look === name} onClick={() => setLook(name)}>
                  {word}
                </button>
              ))}
            </span>
            {look === 'overlay' && <Opacity value={opacity} onChange={setOpacity} />}
          </div>
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
          <span>
            Results come from the archive, so they do not wait for OMERO
            {items.some((item) => item.alone) && '; the images below labels are the input, where it can be read'}.
          </span>
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
      {open && (
        <Inspector runId={runId} item={open} look={look} onClose={() => setChosen(null)}>
          {look === 'overlay' && (open.labels !== null || open.alone) && (
            <Opacity value={opacity} onChange={setOpacity} />
          )}
        </Inspector>
      )}
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
  const [loaded, setLoaded] = useState<ReadonlySet<string>>(new Set());
  const onLoaded = useCallback((path: string) => setLoaded((old) => new Set(old).add(path)), []);
  const labelled = props.item.labels?.path ?? (props.item.alone ? image.path : null);
  return (
    <button className="tile" type="button" aria-pressed={props.pressed} onClick={props.onPress}>
      <Picture runId={props.runId} item={props.item} look={props.look} size={320} onLoaded={onLoaded} />
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
        {labelled !== null && loaded.has(labelled) && <LabelCount runId={props.runId} path={labelled} />}
      </span>
    </button>
  );
}

/** How much of the image shows through its labels. */
function Opacity(props: { value: number; onChange: (value: number) => void }): React.ReactElement {
  return (
    <label className="opacity">
      Labels
      <input
        type="range"
        min={0}
        max={100}
        step={5}
        value={Math.round(props.value * 100)}
        onChange={(event) => props.onChange(Number(event.target.value) / 100)}
      />
      <output>{Math.round(props.value * 100)}%</output>
    </label>
  );
}

interface LayerOf {
  /** `source`: the input image that this result is named after. */
  from: 'preview' | 'source';
  path: string;
}

function layersOf({ image, labels, alone }: GalleryItem<ResultView>, look: GalleryLook): LayerOf[] {
  const below: LayerOf = alone ? { from: 'source', path: image.path } : { from: 'preview', path: image.path };
  const above: LayerOf | null = alone
    ? { from: 'preview', path: image.path }
    : labels && { from: 'preview', path: labels.path };
  if (above === null || look === 'image') return [below];
  return look === 'labels' ? [above] : [below, above];
}

/** An image, its labels over it, or the reason why there is no picture. */
export function Picture(props: {
  runId: string;
  item: GalleryItem<ResultView>;
  look: GalleryLook;
  size: 320 | 960;
  /** Called with the path of a result whose picture has arrived. */
  onLoaded?: (path: string) => void;
}): React.ReactElement {
  const layers = layersOf(props.item, props.look);
  return (
    <span className="picture">
      {layers.map((layer, i) => (
        <Layer
          key={`${layer.from} ${layer.path}`}
          runId={props.runId}
          layer={layer}
          size={props.size}
          over={i > 0}
          onLoaded={props.onLoaded}
          // Labels stand for themselves where their image cannot be read.
          optional={layer.from === 'source' && layers.length > 1}
        />
      ))}
    </span>
  );
}

function Layer(props: {
  runId: string;
  layer: LayerOf;
  size: number;
  over: boolean;
  optional: boolean;
  onLoaded: ((path: string) => void) | undefined;
}): React.ReactElement | null {
  const { from, path } = props.layer;
  const [reason, setReason] = useState<string | null>(null);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const failed = async (): Promise<void> => {
    // The picture itself cannot say why it is not there; the same address can.
    const why = await getJson(archiveAddress(props.runId, from, path, { size: props.size })).then(
      () => 'The picture could not be shown.',
      (error: unknown) => (error instanceof ApiError ? error.message : 'The server does not answer.'),
    );
    setReason(why);
  };
  if (reason !== null)
    return props.optional ? null : (
      <span className="no-picture">
        <Icon name="unknown" />
        <span>{reason}</span>
      </span>
    );
  return (
    <img
      className={props.over ? 'over' : undefined}
      src={archiveHref(props.runId, from, path, { size: props.size })}
      alt={from === 'source' ? `Input of ${name}` : props.over ? `Labels of ${name}` : name}
      loading="lazy"
      decoding="async"
      onLoad={() => from === 'preview' && props.onLoaded?.(path)}
      onError={() => void failed()}
    />
  );
}
