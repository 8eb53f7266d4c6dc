/**
 * Outlines of an area of pixels along the edges of its pixels. Contour libraries lay a line between the centres of pixels
 * (d3-contour makes a diamond of half a pixel's area of a single pixel); measured in OMERO, such areas would be too small.
 */

type Point = [x: number, y: number];

/** Steps from corner to corner: right, down, left, up. The area lies to the right of whoever walks. */
const steps = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;
const up = 3;

interface Ring {
  readonly points: Point[];
  /** Of all its corners the uppermost, of these the leftmost. */
  readonly first: Point;
  readonly isHole: boolean;
}

/**
 * One polygon for each piece of the area; pixels that touch at a corner alone are two pieces. A hole is joined to the
 * outline around it by a line that is walked there and back, as OMERO's polygons have no holes: area and filling are
 * those of the pixels.
 */
export function outlines(width: number, height: number, isInside: (x: number, y: number) => boolean): Point[][] {
  const columns = width + 1;
  const open = edgesOf(width, height, isInside);
  const ringOf = new Int32Array(open.length);
  const rings: Ring[] = [];
  for (let start = 0; start < open.length; start++)
    // Every ring has an edge to the right; of two rings that touch at a corner only one begins here.
    if (((open[start] ?? 0) & 1) !== 0) rings.push(walk(open, columns, start, ringOf, rings.length));
  const polygonOf = rings.map((ring) => ring.points);
  const holes = rings.flatMap((ring, index) => (ring.isHole ? [{ ring, index }] : []));
  holes.sort((a, b) => a.ring.first[1] - b.ring.first[1] || a.ring.first[0] - b.ring.first[0]);
  for (const { ring, index } of holes) {
    const [x, y] = ring.first;
    let left = x;
    while (left > 0 && isInside(left - 1, y)) left--;
    // The ring met to the left begins above or left of this hole: it lies in its polygon already.
    const around = polygonOf[ringOf[(y + 1) * columns + left] ?? 0] ?? [];
    join(around, ring, [left, y]);
    polygonOf[index] = around;
  }
  return rings.filter((ring) => !ring.isHole).map((ring) => ring.points);
}

/** For each corner of pixels a bit for each step that leaves it along the area's edge. */
function edgesOf(width: number, height: number, isInside: (x: number, y: number) => boolean): Uint8Array {
  const columns = width + 1;
  const open = new Uint8Array(columns * (height + 1));
  const inside = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < width && y < height && isInside(x, y);
  const add = (x: number, y: number, step: number): void => {
    open[y * columns + x] = (open[y * columns + x] ?? 0) | (1 << step);
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (!isInside(x, y)) continue;
      if (!inside(x, y - 1)) add(x, y, 0);
      if (!inside(x + 1, y)) add(x + 1, y, 1);
      if (!inside(x, y + 1)) add(x + 1, y + 1, 2);
      if (!inside(x - 1, y)) add(x, y + 1, up);
    }
  return open;
}

/** Follows one ring from its edge to the right, takes its edges away, and notes whose its edges upwards are. */
function walk(open: Uint8Array, columns: number, start: number, ringOf: Int32Array, ring: number): Ring {
  const points: Point[] = [];
  let [at, step, area] = [start, 0, 0];
  let first: Point = [start % columns, Math.floor(start / columns)];
  do {
    if (step === up) ringOf[at] = ring;
    if (at !== start || step !== 0) open[at] = (open[at] ?? 0) & ~(1 << step);
    const [dx, dy] = steps[step] ?? [0, 0];
    // Twice the area, with its sign, as the sum over edges.
    area += (at % columns) * dy - Math.floor(at / columns) * dx;
    at += dy * columns + dx;
    const next = turn(open[at] ?? 0, step);
    if (next !== step) {
      const corner: Point = [at % columns, Math.floor(at / columns)];
      points.push(corner);
      if (corner[1] < first[1] || (corner[1] === first[1] && corner[0] < first[0])) first = corner;
    }
    step = next;
  } while (at !== start || step !== 0);
  open[start] = (open[start] ?? 0) & ~1;
  return { points, first, isHole: area < 0 };
}

/** To the right where it can: so a ring stays with its own pixels where two touch at a corner. */
function turn(open: number, step: number): number {
  for (const by of [1, 0, 3]) if (open & (1 << ((step + by) % 4))) return (step + by) % 4;
  throw new Error('an outline does not close');
}

/** Puts a hole into the polygon around it, at a point of one of the polygon's edges upwards. */
function join(polygon: Point[], hole: Ring, [x, y]: Point): void {
  const at = polygon.findIndex(([ax, ay], i) => {
    const [bx, by] = polygon[(i + 1) % polygon.length] ?? [ax, ay];
    return ax === x && bx === x && ay > y && by <= y;
  });
  if (at < 0) throw new Error('a hole lies in no outline');
  const begin = hole.points.findIndex(([px, py]) => px === hole.first[0] && py === hole.first[1]);
  const around = [...hole.points.slice(begin), ...hole.points.slice(0, begin), hole.first];
  const rest = polygon.splice(at + 1);
  polygon.push([x, y]);
  for (const point of around) polygon.push(point);
  polygon.push([x, y]);
  for (const point of rest) polygon.push(point);
}
