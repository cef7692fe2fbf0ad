// Bundles the page into dist/: index.html and files whose names bear a hash of their content.
import {build} from 'esbuild';
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');
await rm(dist, {recursive: true, force: true});
await mkdir(dist, {recursive: true});
const result = await build({
  entryPoints: [path.join(here, 'src/main.ts'), path.join(here, 'src/style.css')],
  entryNames: '[name]-[hash]',
  outdir: dist,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: false,
  metafile: true,
  logLevel: 'warning',
});
const named = Object.keys(result.metafile.outputs).map((file) => path.basename(file));
const find = (start, end) => named.find((file) => file.startsWith(start) && file.endsWith(end));
const page = await readFile(path.join(here, 'src/index.html'), 'utf8');
await writeFile(
  path.join(dist, 'index.html'),
  page.replace('style.css', find('style-', '.css')).replace('main.ts', find('main-', '.js')),
);
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`console: ${named.length} files, ${(bytes / 1024).toFixed(1)} KiB`);
