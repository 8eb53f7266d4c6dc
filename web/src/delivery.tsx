import type { DeliveryView, WishView } from '../../src/runs/view.ts';
import { Icon } from './icon.tsx';
import { ObjectLink } from './omero-link.tsx';
import { numberText } from './words.ts';

/** Of many attached files only so many are named. */
const namedFiles = 10;

/** What was asked for beside importing the images, what became of each, and what could not be done; `ended`: the run has. */
export function Delivery({ delivery, ended }: { delivery: DeliveryView; ended: boolean }): React.ReactElement {
  const { wishes, notDone, finished } = delivery;
  const open = ended ? 'Not done' : 'Not yet';
  return (
    <section className="section" id="delivery" aria-labelledby="delivery-title">
      <div className="section-head">
        <h2 id="delivery-title">Beside the import</h2>
        <span className="aside">
          {finished
            ? notDone.length > 0 && (
                <span className="warn">{numberText(notDone.length, 'thing')} could not be done</span>
              )
            : ended
              ? 'The run ended before it came to this.'
              : 'It is done once the images are in OMERO.'}
        </span>
      </div>
      <div className="panel clip">
        <table className="compare">
          <caption className="vh">What was asked for beside importing the images, and what became of it</caption>
          <thead>
            <tr>
              <th scope="col">Asked for</th>
              <th scope="col">Done</th>
            </tr>
          </thead>
          <tbody>
            {wishes.map((wish) => (
              <tr key={wish.what}>
                <th scope="row">
                  {wish.what}
                  {wish.where !== null && <small className="quiet">On {wish.where}</small>}
                </th>
                <td>
                  <Became wish={wish} open={open} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {notDone.length > 0 && (
          <ul className="not-done" aria-label="What could not be done">
            {notDone.map((sentence) => (
              <li key={sentence}>
                <span className="warn">
                  <Icon name="warn" />
                </span>
                {sentence}
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function Became({ wish, open }: { wish: WishView; open: string }): React.ReactElement {
  if (wish.became === null) return <span className="quiet">{open}</span>;
  const more = wish.files.length - namedFiles;
  return (
    <>
      {wish.became.charAt(0).toUpperCase() + wish.became.slice(1)}
      {wish.files.slice(0, namedFiles).map((file) => (
        <small key={`${file.what} ${file.to.type} ${file.to.id} ${file.fileId}`}>
          <code>{file.name}</code> <ObjectLink {...file.to} />
        </small>
      ))}
      {more > 0 && <small className="quiet">and {more} more</small>}
    </>
  );
}
