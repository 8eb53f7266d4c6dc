/**
 * What the importer's exit codes tell. They say why nothing was imported, never that something was: with `-c` Java ends
 * with 0 although files failed.
 */
const meanings: Readonly<Record<number, string>> = {
  1: 'its arguments were refused, or it found nothing to import',
  2: 'a file failed',
  3: 'what was imported could not be tidied up',
  11: 'the session key was not accepted',
  43: 'the name of the OMERO server is not known',
  44: 'no connection to OMERO, or the sign-in was refused',
  103: "the jars of OMERO's importer were not found",
  125: 'no file that can be imported',
  127: 'the program, or one that it starts, is not there',
  137: 'killed, as the system does when memory is short',
  139: 'it crashed',
  143: 'it was asked to end',
};

/** `exit code 44 (no connection …)`. */
export function describeExit(code: number | null): string {
  const meaning = code === null ? undefined : meanings[code];
  return meaning === undefined ? `exit code ${code}` : `exit code ${code} (${meaning})`;
}
