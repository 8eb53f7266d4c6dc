import { build, ensureInstalled, ensureNode } from './bootstrap.mjs';

ensureNode();
ensureInstalled();
build();
