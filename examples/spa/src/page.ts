/** What both pages have: an element by its id, news, mistakes. */
export function element (id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`There is no #${id} on this page.`)
  return found
}

/** Shows the page of somebody who is signed in, or the one to sign in; `undefined`: nobody is. */
export function showSignedIn (name: string | undefined): void {
  element('signed-in').hidden = name === undefined
  element('signed-out').hidden = name !== undefined
  if (name === undefined) showAnswer(undefined)
  else element('greeting').textContent = `Hello, ${name}`
}

export function showAnswer (answer: unknown, request = 'GET /me'): void {
  element('answer').hidden = answer === undefined
  element('request').textContent = request
  element('me').ariaLabel = `Answer of ${request}`
  element('me').textContent = answer === undefined ? '' : JSON.stringify(answer, null, 2)
}

/** Told quietly, and read out by a screen reader. */
export function tell (news: string): void {
  element('news').textContent = news
}

export function showMistake (mistake: string | undefined): void {
  element('mistake').hidden = mistake === undefined
  element('mistake').textContent = mistake ?? ''
}

export function onClick (id: string, work: () => Promise<void>): void {
  element(id).addEventListener('click', () => { attempt(work) })
}

let explain: (error: unknown) => string = String

/** How `attempt` puts an error into words. */
export function explainErrorsBy (explanation: (error: unknown) => string): void {
  explain = explanation
}

/** Does the work; what goes wrong is shown in words, and whatever was wrong before is forgotten. */
export async function attempt (work: () => Promise<void>): Promise<void> {
  showMistake(undefined)
  try {
    await work()
  } catch (error) {
    tell('')
    showMistake(explain(error))
  }
}
