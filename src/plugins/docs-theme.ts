/**
 * Swagger UI at /docs in the colours and type of the other pages (src/pages/style.ts), light and dark: Swagger UI sets
 * `dark-mode` when it loads. "Authorize" asks for no client: the page has its own.
 */
export const DOCS_THEME = `
:root { --ink: #1b1f24; --paper: #fff; --line: #7f8893; --accent: #0b57d0; --on-colour: #15181c; --badge: #4d5560 }
:root.dark-mode { --ink: #e8eaed; --paper: #15181c; --line: #7d8793; --accent: #a8c7fa }
body { margin: 0; background: var(--paper); color: var(--ink) }
.swagger-ui .topbar { display: none }
.swagger-ui .wrapper { max-width: 64rem; padding: 0 1.25rem }
.swagger-ui, .swagger-ui .info .title, .swagger-ui .opblock-tag, .swagger-ui .opblock .opblock-summary-description,
.swagger-ui .btn, .swagger-ui label, .swagger-ui table thead tr th { font-family: system-ui, sans-serif }
.swagger-ui .info { margin: 2.5rem 0 }
.swagger-ui .info .title { font-size: 1.5rem }
:root:root .swagger-ui { background: var(--paper) }
:root:root .swagger-ui .info .title small { background: var(--badge) }
:root:root .swagger-ui .scheme-container { background: none; box-shadow: none; border: 0; padding: 0 }
:root:root .swagger-ui .btn.authorize { border-color: var(--accent); color: var(--accent) }
:root:root .swagger-ui .btn.authorize svg { fill: var(--accent) }
.swagger-ui .opblock .opblock-summary-method { color: var(--on-colour); text-shadow: none }
.swagger-ui .dialog-ux .modal-ux { max-width: none; width: min(60rem, 95vw) }
.swagger-ui .dialog-ux .modal-ux-content { max-height: 80vh; display: grid; align-items: start }
.swagger-ui .dialog-ux .modal-ux-content { grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)) }
.swagger-ui .dialog-ux .modal-ux-content { grid-template-rows: auto 1fr }
.swagger-ui .auth-container:first-child { grid-row: span 2 }
.swagger-ui .auth-btn-wrapper { gap: .75rem }
:root:root .swagger-ui .scopes a { color: var(--accent) }
.swagger-ui .auth-container .wrapper:has(label[for^=client_]),
.swagger-ui .auth-container p:has(> code) { display: none }
.swagger-ui a.nostyle, :root:root .swagger-ui .info a { color: var(--accent) }
.swagger-ui :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
`
