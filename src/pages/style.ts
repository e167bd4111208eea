/** The one style sheet of all pages, in light and dark, from left to right and from right to left. */
export const STYLE = `
:root { color-scheme: light dark; accent-color: var(--accent) }
:root { --ink: #1b1f24; --quiet: #4d5560; --paper: #fff; --line: #7f8893; --accent: #0b57d0; --accent-ink: #fff }
:root { --error: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --quiet: #b4bac2; --paper: #15181c; --line: #7d8793; --accent: #a8c7fa }
  :root { --accent-ink: #0a2342; --error: #f2b8b5 }
}
* { box-sizing: border-box }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
header, main { max-width: 28rem; margin: 0 auto; padding: 0 1.25rem; overflow-wrap: anywhere }
header { padding-top: 10vh; display: flex; gap: .75rem; align-items: center; color: var(--quiet); font-weight: 600 }
header img { display: block; max-width: 10rem }
main { padding-top: 1.25rem; padding-bottom: 3rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; text-wrap: balance }
p { text-wrap: pretty }
:lang(ja) { word-break: auto-phrase }
h2 { font-size: 1.125rem; line-height: 1.25; margin: 2rem 0 .5rem }
ul { list-style: none; margin: 1.5rem 0; padding: 0; display: grid; gap: .75rem }
.bullets { list-style: disc; margin: 1rem 0; padding-inline-start: 1.25rem; gap: .25rem }
dd .bullets { margin: 0 }
.button { display: flex; gap: .75rem; align-items: center; justify-content: center; width: 100%; min-height: 3rem }
.button { padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: none; color: inherit }
.button { font: inherit; text-align: center; text-decoration: none; cursor: pointer }
.button:hover { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent) }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink) }
.link { border: 0; padding: 0; background: none; color: var(--accent); font: inherit; cursor: pointer }
.link { text-decoration: underline }
.mark { flex: none; width: 1.375rem; height: 1.375rem }
.initial { text-align: center; border: 1px solid currentColor; border-radius: .25rem }
.initial { font-size: .875rem; line-height: 1.25rem }
.providers .button { justify-content: start; text-align: start }
.providers small { display: block; margin-top: .25rem; padding-inline-start: 3.125rem; color: var(--quiet) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[tabindex="-1"]:focus { outline: none }
.together { white-space: nowrap }
code { font-size: .95em; overflow-wrap: anywhere; direction: ltr; unicode-bidi: isolate }
pre { margin: .5rem 0; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem; white-space: pre-wrap }
pre { max-height: 12rem; overflow: auto }
a { color: var(--accent) }
label { display: block; font-weight: 600; margin-bottom: .375rem }
input[type=text] { width: 100%; min-height: 3rem; padding: .5rem .75rem; border: 1px solid var(--line) }
input[type=text] { border-radius: .5rem; background: none; color: inherit; font: inherit }
[aria-invalid=true] { border-color: var(--error); box-shadow: inset 0 0 0 1px var(--error) }
.error { color: var(--error); font-weight: 600 }
details { margin-top: 2rem; color: var(--quiet) }
summary { cursor: pointer }
.quiet { color: var(--quiet) }
.legal { margin-top: 2rem; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: start; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line) }
body:has(nav) header, main:has(nav) { max-width: 44rem }
body:has(nav) header { padding-top: 2rem }
nav { border-bottom: 1px solid var(--line); padding-bottom: .75rem; margin-bottom: 1.5rem }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 .5rem }
nav a, nav button.link { display: inline-block; padding: .25rem 0 }
nav a[aria-current] { color: inherit; font-weight: 600; text-decoration: none; box-shadow: 0 2px var(--accent) }
main:has(nav) .button { display: inline-flex; width: auto; min-height: 2.75rem; padding: .25rem 1rem }
.button.danger { border-color: var(--error); color: var(--error); font-weight: 600 }
.items { gap: 1rem }
.items > li { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem }
nav ul { align-items: baseline }
.items > li > :last-child { margin-bottom: 0 }
.items h2, .items h3 { font-size: 1.125rem; margin: 0 0 .5rem }
.actions { display: flex; flex-wrap: wrap }
form + form { margin-top: 2rem }
dl { margin: .5rem 0 1rem }
dt { color: var(--quiet) }
dt { margin-top: .75rem }
dl > :first-child { margin-top: 0 }
dd { margin: 0; min-width: 0 }
.lines { display: inline-block; white-space: pre-wrap }
.notice { border-inline-start: 4px solid var(--accent); padding: .5rem .75rem; margin: 0 0 1.5rem }
.notice[role=alert] { border-color: var(--error) }
.hint { display: block; margin-bottom: .25rem; color: var(--quiet) }
input[type=number], textarea, select { width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit }
input[type=number], textarea, select { border: 1px solid var(--line); border-radius: .5rem }
input[type=number], textarea, select { background: var(--paper); color: inherit }
textarea { font-family: ui-monospace, monospace; font-size: .9rem }
fieldset { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem; min-width: 0 }
fieldset label { display: flex; gap: .5rem; align-items: baseline; font-weight: 400; padding: .25rem 0; margin: 0 }
fieldset input { flex: none; margin: 0 }
legend { font-weight: 600; padding: 0 .25rem }
@media (min-width: 30rem) {
  main:has(nav) dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1rem }
  main:has(nav) dt { max-width: 14rem; margin: 0 }
}
`
