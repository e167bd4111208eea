import t from 'tap'
import { Problem } from '../../src/http/errors.ts'
import { deviceErrorPage } from '../../src/sign-in/device-error-page.ts'
import { en } from '../../src/texts/en.ts'

t.test('the page says when it is too late, or when a form came from another site', async (t) => {
  const wordsOf = (problem: Problem) => deviceErrorPage('https://id').words?.(en, problem)
  const { tooLate: title, tooLateText, foreignForm } = en.device
  t.strictSame(wordsOf(new Problem('invalid_state')), { title, text: tooLateText })
  t.strictSame(wordsOf(new Problem('invalid_request', '', { status: 403 })), { title, text: foreignForm })
  for (const problem of [new Problem('invalid_request'), new Problem('access_denied'), new Problem('internal_error')]) {
    t.equal(wordsOf(problem), undefined, problem.code)
  }
})
