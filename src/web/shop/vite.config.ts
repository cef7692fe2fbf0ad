import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vite';
import {pageConfig} from '../build';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export default defineConfig(pageConfig(here('.'), here('../dist')));
