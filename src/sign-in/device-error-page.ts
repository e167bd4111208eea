import type { ErrorPage } from '../pages/error-page.ts'

/** The error page of a sign-in for a device. It leads back to the page that asks for the code. */
export function deviceErrorPage (issuerUrl: string): ErrorPage {
  return {
    words: ({ device }, { code, status }) => {
      if (code === 'invalid_state') return { title: device.tooLate, text: device.tooLateText }
      if (status === 403 && code === 'invalid_request') return { title: device.tooLate, text: device.foreignForm }
      return undefined
    },
    nextSteps: ({ device }) => [{ href: `${issuerUrl}/device`, text: device.typeAgain }]
  }
}
