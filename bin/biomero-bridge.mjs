#!/usr/bin/env node
/** The command line: on a clone makes sure that it is installed and built, then becomes the program itself. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, ensureNode, isClone, root } from './bootstrap.mjs';

ensureNode();
if (isClone()) {
  ensureInstalled();
  ensureBuilt();
}
await import(pathToFileURL(join(root, 'dist/src/main.js')).href);
