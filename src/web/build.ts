// What both pages are built with: small files, named by their content, that may lie in any folder of a server.
import type {UserConfig} from 'vite';

export const pageConfig = (root: string, outDir: string): UserConfig => ({
  root,
  base: './',
  publicDir: false,
  logLevel: 'warn',
  resolve: {dedupe: ['preact']},
  esbuild: {jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none'},
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      output: {  // A hash as src/http/static_files.cc knows it: these files are kept by browsers for ever.
        hashCharacters: 'base36',
        entryFileNames: 'assets/[name]-[hash:12].js',
        chunkFileNames: 'assets/[name]-[hash:12].js',
        assetFileNames: 'assets/[name]-[hash:12][extname]',
      },
    },
  },
});
