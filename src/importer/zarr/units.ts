/** NGFF's (UDUNITS-2) names of lengths, as OMERO numbers its enumeration of them. */
const numbers: Readonly<Record<string, number>> = {
  yottameter: 0,
  zettameter: 1,
  exameter: 2,
  petameter: 3,
  terameter: 4,
  gigameter: 5,
  megameter: 6,
  kilometer: 7,
  hectometer: 8,
  decameter: 9,
  meter: 10,
  decimeter: 11,
  centimeter: 12,
  millimeter: 13,
  micrometer: 14,
  nanometer: 15,
  picometer: 16,
  femtometer: 17,
  attometer: 18,
  zeptometer: 19,
  yoctometer: 20,
  angstrom: 21,
  parsec: 24,
  inch: 27,
  foot: 28,
  yard: 29,
  mile: 30,
};
const pixel = 32;

/** Number of the unit in OMERO's enumeration; without a known unit, of `PIXEL`, as the Python importer writes it. */
export function lengthUnit(name: string): number {
  return numbers[name.toLowerCase()] ?? pixel;
}
