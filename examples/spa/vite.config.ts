import { defineConfig } from 'vite'

export default defineConfig({
  // The redirect URIs name this port: another one would not work.
  server: { port: 5173, strictPort: true },
  preview: { port: 5173, strictPort: true },
  build: { rolldownOptions: { input: ['index.html', 'cookie.html'] } }
})
