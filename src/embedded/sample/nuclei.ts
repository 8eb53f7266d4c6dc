import type { SeededRandom } from '../../lib/random.ts';

/** An ellipse on the plane, all lengths in pixels. */
export class Nucleus {
  readonly x: number;
  readonly y: number;
  /** Half axes. */
  readonly a: number;
  readonly b: number;
  readonly angle: number;
  /** Photons per pixel at its middle. */
  readonly brightness: number;

  constructor(shape: { x: number; y: number; a: number; b: number; angle: number; brightness: number }) {
    this.x = shape.x;
    this.y = shape.y;
    this.a = shape.a;
    this.b = shape.b;
    this.angle = shape.angle;
    this.brightness = shape.brightness;
  }

  /** Calls back for every pixel inside, grown by `grow`; depth is 1 in the middle and 0 at the rim. */
  visit(size: number, callback: (x: number, y: number, depth: number) => void, grow = 0): void {
    const a = this.a + grow;
    const b = this.b + grow;
    const reach = Math.ceil(Math.max(a, b));
    const cos = Math.cos(this.angle);
    const sin = Math.sin(this.angle);
    for (let y = Math.max(0, Math.floor(this.y - reach)); y <= Math.min(size - 1, this.y + reach); y++) {
      for (let x = Math.max(0, Math.floor(this.x - reach)); x <= Math.min(size - 1, this.x + reach); x++) {
        const u = ((x - this.x) * cos + (y - this.y) * sin) / a;
        const v = ((y - this.y) * cos - (x - this.x) * sin) / b;
        const r2 = u * u + v * v;
        if (r2 <= 1) callback(x, y, Math.sqrt(1 - r2));
      }
    }
  }

  /** Distance from the middle to the rim in a direction. */
  rim(direction: number): number {
    const cos = Math.cos(direction - this.angle) / this.a;
    const sin = Math.sin(direction - this.angle) / this.b;
    return 1 / Math.sqrt(cos * cos + sin * sin);
  }
}

/** Pixels of background between nuclei that do not touch: more than the blur can bridge. */
const gap = 5;
const touchingShare = 0.2;
const tries = 60;

/**
 * Places nuclei like cells on a dish: most stand alone, some touch one neighbour so that a person still sees two, and
 * none hides another. There is about one per 5,500 square pixels.
 */
export function placeNuclei(random: SeededRandom, size: number): Nucleus[] {
  const wanted = Math.max(1, Math.round(((size * size) / 5500) * random.between(0.85, 1.15)));
  const owner = new Int16Array(size * size).fill(-1);
  const nuclei: Nucleus[] = [];
  const hasNeighbour = new Set<number>();
  for (let attempt = 0; attempt < wanted * tries && nuclei.length < wanted; attempt++) {
    const partner = random.next() < touchingShare ? Math.floor(random.next() * nuclei.length) : -1;
    const beside = nuclei[partner];
    if (beside && hasNeighbour.has(partner)) continue;
    const nucleus = beside ? touching(random, beside) : alone(random, size);
    if (!isMostlyInside(nucleus, size) || !fits(nucleus, beside ? partner : -1, owner, size)) continue;
    const index = nuclei.length;
    if (beside) hasNeighbour.add(partner).add(index);
    nuclei.push(nucleus);
    nucleus.visit(size, (x, y) => (owner[y * size + x] = index));
  }
  return nuclei;
}

function alone(random: SeededRandom, size: number): Nucleus {
  return new Nucleus({ ...shape(random), x: random.between(0, size), y: random.between(0, size) });
}

/** A nucleus whose rim meets the neighbour's: their middles are 2 to 7 % closer than bare contact. */
function touching(random: SeededRandom, beside: Nucleus): Nucleus {
  const direction = random.between(0, 2 * Math.PI);
  const own = new Nucleus({ ...shape(random), x: 0, y: 0 });
  const distance = (beside.rim(direction) + own.rim(direction)) * random.between(0.93, 0.98);
  const { a, b, angle, brightness } = own;
  const x = beside.x + distance * Math.cos(direction);
  const y = beside.y + distance * Math.sin(direction);
  return new Nucleus({ a, b, angle, brightness, x, y });
}

function shape(random: SeededRandom): { a: number; b: number; angle: number; brightness: number } {
  const radius = random.between(11, 17);
  const stretch = Math.sqrt(random.between(1, 1.45));
  // Brightness spreads evenly on a logarithmic scale, as DNA content and focus make it.
  const brightness = 350 * Math.exp(random.between(0, Math.log(5)));
  return { a: radius * stretch, b: radius / stretch, angle: random.between(0, Math.PI), brightness };
}

/** A nucleus may be cut by the image's border, but its middle is well inside, so that it counts. */
function isMostlyInside(n: Nucleus, size: number): boolean {
  const margin = n.b * 0.6;
  return Math.min(n.x, n.y) >= margin && Math.max(n.x, n.y) <= size - 1 - margin;
}

function fits(nucleus: Nucleus, partner: number, owner: Int16Array, size: number): boolean {
  let inside = 0;
  let shared = 0;
  let free = true;
  nucleus.visit(size, (x, y) => {
    inside++;
    if (owner[y * size + x] === partner) shared++;
  });
  nucleus.visit(
    size,
    (x, y) => {
      const there = owner[y * size + x]!;
      if (there !== -1 && there !== partner) free = false;
    },
    gap,
  );
  return free && (partner === -1 || shared < inside * 0.03);
}
