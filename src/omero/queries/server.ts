import type { OmeroLink } from '../link.ts';

/** OMERO.server's version, `5.6.14-ice36-…`. */
export async function readVersion(link: OmeroLink): Promise<string> {
  return String(await link.call('IConfig', 'getVersion', []));
}

/** Folder of the managed repository, absolute, as the server sees it. */
export async function managedRepositoryPath(link: OmeroLink): Promise<string> {
  const data = await readSetting(link, 'omero.data.dir');
  const managed = await readSetting(link, 'omero.managed.dir');
  // The server's default is a reference, which some versions hand out unresolved.
  const path = managed === '' ? `${data}/ManagedRepository` : managed.replace('${omero.data.dir}', data);
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

async function readSetting(link: OmeroLink, key: string): Promise<string> {
  return String(await link.call('IConfig', 'getConfigValue', [key]));
}
