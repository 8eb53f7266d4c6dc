import { useQueryClient } from '@tanstack/react-query';
import type { ResultView } from '../../src/runs/view.ts';

/** Who is signed in, and where OMERO.web is. */
export interface Session {
  user: string;
  admin: boolean;
  /** Null when the server does not know it. */
  omeroWeb: string | null;
  /** Links that open a run without sign-in can be made. */
  shareLinks: boolean;
}

/** Ids of an image or plate in OMERO; links where OMERO.web's address is known. */
export function ImageLinks({ result }: { result: ResultView }): React.ReactElement {
  return (
    <>
      {result.imageIds.length > 0 && <Ids word="Image" show="image" ids={result.imageIds} />}
      {result.plateIds.length > 0 && <Ids word="Plate" show="plate" ids={result.plateIds} />}
    </>
  );
}

/** A dataset or screen in OMERO. */
export function ContainerLink(props: { type: string; id: number; name: string }): React.ReactElement {
  const href = useOmeroWeb(props.type.toLowerCase(), props.id);
  const text = `${props.type} ${props.id}, ${props.name}`;
  return href ? <a href={href}>{text}</a> : <span>{text}</span>;
}

/** Any object of OMERO, by its type and id. */
export function ObjectLink({ type, id }: { type: string; id: number }): React.ReactElement {
  const href = useOmeroWeb(type.toLowerCase(), id);
  return href ? (
    <a href={href}>
      {type} {id}
    </a>
  ) : (
    <span>
      {type} {id}
    </span>
  );
}

const listed = 10;

function Ids({ word, show, ids }: { word: string; show: string; ids: number[] }): React.ReactElement {
  return (
    <span>
      {word}{' '}
      {ids.slice(0, listed).map((id, i) => (
        <span key={id}>
          {i > 0 && ', '}
          <OmeroId show={show} id={id} />
        </span>
      ))}
      {ids.length > listed && ` and ${ids.length - listed} more`}
    </span>
  );
}

function OmeroId({ show, id }: { show: string; id: number }): React.ReactElement {
  const href = useOmeroWeb(show, id);
  return href ? <a href={href}>{id}</a> : <>{id}</>;
}

function useOmeroWeb(show: string, id: number): string | null {
  const web = useQueryClient().getQueryData<Session>(['session'])?.omeroWeb;
  return web ? `${web.replace(/\/$/, '')}/webclient/?show=${show}-${id}` : null;
}
