import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Problem } from '../http/errors.ts'
import { sendErrorPage } from '../pages/error-page.ts'
import { linkList } from '../pages/links.ts'
import { html } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import type { Texts } from '../texts/texts.ts'
import { areaOf } from './own-pages.ts'

/** A problem in words for a person, with the way back. */
export async function sendProblemPage (
  request: FastifyRequest, reply: FastifyReply, problem: Problem, issuerUrl: string
): Promise<FastifyReply> {
  const isForbidden = problem.code === 'forbidden'
  const area = isForbidden ? '/account' : areaOf(request.url)
  return await sendErrorPage(request, reply, problem, {
    words: (texts) => ({
      title: isForbidden ? texts.account.notAdministrator : texts.account.didNotWork,
      text: describeProblem(texts, problem)
    }),
    nextSteps: ({ account }) =>
      [{ href: `${issuerUrl}${area}`, text: area === '/admin' ? account.toAdmin : account.toAccount }]
  })
}

/** Where the API asks for a recent sign-in. */
export function sendSignInAgainPage (
  request: FastifyRequest, reply: FastifyReply, signInUrl: string, issuerUrl: string
): FastifyReply {
  const { account } = request.pageTexts
  return sendPage(reply, account.signInAgain, html`<p>${account.signInAgainWhy}</p>
    ${linkList([
      { href: signInUrl, text: account.signInAgain },
      { href: `${issuerUrl}${areaOf(request.url)}`, text: account.cancel }
    ])}`)
}

/** What the person can do about it, by the code of the problem. */
export function describeProblem ({ account: { problems } }: Texts, { code }: Problem): string {
  return Object.hasOwn(problems, code) ? problems[code as keyof typeof problems] : problems.internal_error
}
