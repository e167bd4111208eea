/** What an error says to a person. `provider` is the name of where they signed in, if that is known. */
export interface ErrorText {
  title: string
  text: (provider?: string) => string
}

/** The texts of the pages in English, by page. Every other language has the same members: see `Texts`. */
export const en = {
  common: {
    continue: 'Continue',
    cancel: 'Cancel',
    tryAgain: 'Try again',
    chooseAnotherWay: 'Choose another way to sign in',
    signIn: 'Sign in',
    backTo: (app: string) => `Back to ${app}`,
    closePage: 'You can close this page.',
    privacy: 'Privacy',
    terms: 'Terms of use',
    forDeveloper: 'For the developer of this app',
    errorCode: 'Error code',
    requestId: 'Request'
  },
  signIn: {
    title: 'Sign in',
    titleFor: (app: string) => `Sign in to ${app}`,
    continueWith: (provider: string) => `Continue with ${provider}`,
    usedLast: 'Used last time',
    none: 'It is not possible to sign in here yet.',
    appOnThisDevice: 'You will be signed in to an app on this device. Go on only if you started this yourself.',
    returning: 'Returning to the app'
  },
  signedIn: {
    title: 'You are signed in',
    as: (name: string) => `You are signed in as ${name}.`,
    nameless: 'You are signed in. Your account has no name yet.',
    again: 'The sign-in is done. It was this page that was loaded again, and that changes nothing.',
    account: 'Your account',
    signInAgain: 'Sign in again',
    tokens: 'Tokens for the developer of this app',
    tokensUse: 'Whoever has these tokens can act as you: show them to nobody. Send the access token with each request:',
    tokensRefresh: (minutes: number) =>
      `It works for ${minutes} minutes. The refresh token brings a new one:`,
    accessToken: 'Access token',
    refreshToken: 'Refresh token'
  },
  errors: {
    validation_failed: {
      title: 'This link does not work',
      text: () => 'The page that sent you here made a mistake. Please go back there and try again.'
    },
    invalid_request: {
      title: 'This link does not work',
      text: () => 'The page that sent you here made a mistake. Please go back there and try again.'
    },
    invalid_return_to: {
      title: 'This link does not work',
      text: () => 'It leads to a page that does not belong here. Please go back to where you came from.'
    },
    invalid_state: {
      title: 'This sign-in cannot go on',
      text: () => 'It took longer than ten minutes, was started in another browser, or was used before. ' +
        'Please start again.'
    },
    access_denied: {
      title: 'You are not signed in',
      text: (provider = 'the other page') => `The sign-in at ${provider} was stopped, so nothing was changed.`
    },
    account_disabled: {
      title: 'Your account is disabled',
      text: () => 'An administrator has disabled it. Please ask an administrator to enable it again.'
    },
    sign_up_closed: {
      title: 'There is no account for you here',
      text: () => 'New accounts are not created at the moment. If you have an account, sign in the way you did before.'
    },
    email_not_allowed: {
      title: 'This email address cannot be used here',
      text: () => 'Only addresses of certain organizations can. Please use an account that has such an address.'
    },
    not_found: {
      title: 'There is nothing here',
      text: () => 'The address may have a typing mistake, or the page may be gone.'
    },
    unknown_provider: {
      title: 'You cannot sign in this way',
      text: () => 'It is not available here. Please choose another way.'
    },
    rate_limited: {
      title: 'That was too often',
      text: () => 'Please wait a minute, and then try again.'
    },
    provider_error: {
      title: 'The sign-in did not work',
      text: (provider = 'The other page') =>
        `${provider} could not complete it. Please try again, or choose another way to sign in.`
    },
    provider_timeout: {
      title: 'The sign-in took too long',
      text: (provider = 'The other page') =>
        `${provider} did not answer in time. Please try again, or choose another way to sign in.`
    },
    service_unavailable: {
      title: 'This does not work right now',
      text: () => 'We will be back shortly. Please try again in a moment.'
    },
    internal_error: {
      title: 'Something went wrong',
      text: () => 'The mistake is ours, not yours. Please try again in a moment.'
    },
    other: {
      title: 'That did not work',
      text: () => 'Please go back and try again.'
    }
  } satisfies Record<string, ErrorText>,
  authorize: {
    failed: 'This sign-in cannot start',
    failedText: 'The app that sent you here made a mistake. Please go back to it and try again.'
  },
  consent: {
    title: (app: string, apis: string) => `Allow ${app} to use ${apis}?`,
    onThisComputer: 'An app on this computer',
    publishedBy: (host: string) => `Published by ${host}`,
    publishedOnThisComputer: (host: string) => `An app on this computer, published by ${host}`,
    returnsTo: (host: string) => `An app at ${host}`,
    beforeSignIn: 'It wants to use your account here. After you have signed in, you see what it asks for, and decide.',
    asks: (person: string) => `It wants to act for ${person}, and asks to:`,
    asksYou: 'It wants to act for you, and asks to:',
    useApi: (api: string) => `Use ${api} for you`,
    scope: (scope: string, api: string) => `${scope} (${api})`,
    openid: 'Know that it is you when you come back',
    profile: 'See your name, your picture and your user name',
    email: 'See your email address',
    unverifiedHost: (service: string, host: string) => `${service} has not checked who is behind ${host}. Allow this ` +
      'only if you started it yourself and trust that address.',
    unverifiedApp: (service: string) => `${service} cannot check which app on this computer asks. Allow this only if ` +
      'you started it yourself just now.',
    allow: 'Allow',
    failed: 'This cannot be allowed any more',
    failedText: 'You were asked more than ten minutes ago or in another browser, have answered already, or the app ' +
      'has changed. Please go back to it and start again.',
    foreignForm: 'This form came from another page, so nothing was done. Please go back and try again.'
  },
  logout: {
    title: 'Sign out?',
    asks: (app: string, host: string) => `${app} asks to sign you out of ${host} in this browser.`,
    ask: (host: string) => `This signs you out of ${host} in this browser.`,
    signOut: 'Sign out',
    done: 'Signed out',
    failed: 'You are not signed out',
    failedText: 'The app that sent you here made a mistake. You can sign out here.'
  },
  device: {
    title: 'Connect a device',
    code: 'The code that the device shows',
    unknownCode: 'This code is not known, or it has expired. Check the code that your device shows.',
    shows: 'The device shows the code',
    onlyIfYou: 'Go on only if you started this yourself.',
    confirmTitle: (app: string) => `Sign in to ${app}?`,
    confirm: 'The device with this code will be signed in as you:',
    you: 'You',
    yes: 'Yes, sign it in',
    no: 'No',
    approved: 'The device is signed in',
    denied: 'The device is not signed in',
    tooLate: 'Please start again',
    tooLateText: 'This code was used before, has expired, or was not typed in this browser.',
    foreignForm: 'This form came from another page, so nothing was done.',
    typeAgain: 'Type the code again'
  },
  deletion: {
    title: 'Deletion of your data',
    unknown: 'This deletion is not known',
    unknownText: 'The address may have a typing mistake, or the deletion is more than a year ago.',
    deleted: 'What this service stored about you from that account was deleted.',
    signed_out: 'You were signed out, and what gave this service access to that account was deleted. The operator of ' +
      'this service keeps the rest of your data, and decides about it: please ask there.',
    nothing_stored: 'This service stored nothing about that account.',
    requested: (provider: string, date: string) => `Requested at ${provider}, and done on ${date}.`
  },
  problems: {
    title: 'Error codes',
    all: 'All error codes',
    status: 'HTTP status'
  },
  account: {
    navigation: 'Pages of your account',
    links: {
      '/account': 'Profile',
      '/account/sessions': 'Where you are signed in',
      '/account/accounts': 'Linked accounts',
      '/account/tokens': 'Personal tokens',
      '/account/grants': 'Apps with access',
      '/account/activity': 'Activity',
      '/account/data': 'Your data',
      '/admin': 'Users',
      '/admin/pages/clients': 'Apps',
      '/admin/pages/events': 'Events',
      '/admin/pages/keys': 'Keys',
      '/admin/pages/webhooks': 'Webhooks'
    },
    signOut: 'Sign out',
    signedOut: 'You are signed out',
    signInAgain: 'Sign in again',
    signInAgainWhy: 'For this you must have signed in within the last ten minutes. Sign in again, and you come back ' +
      'here.',
    cancel: 'Cancel',
    nextPage: 'Show more',
    toAccount: 'Back to your account',
    toAdmin: 'Administration',
    didNotWork: 'That did not work',
    notAdministrator: 'You are not an administrator',
    done: {
      grant: 'The app has no access any more.',
      profile: 'Your changes are saved.',
      session: 'The session has ended.',
      sessions: 'All other sessions have ended.',
      linked: 'The account is linked.',
      unlinked: 'The account is no longer linked.',
      token: 'The personal token no longer works.',
      user: 'The user was changed.',
      userSignedOut: 'The user is signed out everywhere.',
      userDeleted: 'The user is deleted.',
      client: 'The app was changed.',
      clientDeleted: 'The app is removed.',
      keys: 'The keys were rotated.',
      webhook: 'The webhook was changed.',
      webhookDeleted: 'The webhook is removed.',
      replayed: 'The messages will be sent again.'
    },
    problems: {
      validation_failed: 'Something in the form is not valid. Check the fields, and try again.',
      invalid_request: 'This form came from another page, or it is not complete. Go back, and try again.',
      invalid_state: 'This is no longer under way in this browser. Start again.',
      invalid_grant: 'It took too long. Start again.',
      access_denied: 'You declined, so nothing was changed.',
      provider_error: 'The other site did not answer as it should. Try again later.',
      provider_timeout: 'The other site did not answer in time. Try again later.',
      invalid_id_token: 'The other site did not answer as it should. Try again later.',
      forbidden: 'These pages are for administrators.',
      email_not_allowed: 'Accounts with this email address are not allowed here.',
      not_found: 'It is not there, or it is no longer there.',
      account_taken: 'This account already belongs to another user here. Sign in with it, and unlink it there first.',
      last_account: 'This is your only account. Link another one first: without any you could not sign in again.',
      last_admin: 'This is the only administrator. Make another user an administrator first.',
      too_many_tokens: 'You have as many personal tokens as there can be. Take one back first.',
      client_from_settings: 'This app stands in the settings of the service, and can be changed there only.',
      payload_too_large: 'That is too long.',
      rate_limited: 'That was too often in a short time. Wait a little, and try again.',
      service_unavailable: 'The service is not available at the moment. Try again soon.',
      internal_error: 'Something went wrong here. Try again later.'
    },
    profile: {
      title: 'Your account',
      hello: (name: string) => `Hello, ${name}`,
      email: 'Email',
      roles: 'Roles',
      since: 'Member since',
      lastSignIn: 'Last sign-in',
      id: 'Your ID',
      edit: 'Your name and language',
      name: 'Name',
      locale: 'Language',
      localeHint: 'As a code, such as en, de-AT or pt-BR',
      save: 'Save'
    },
    grants: {
      title: 'Apps with access',
      what: 'You have allowed these apps to act for you.',
      none: 'You have not allowed any app to act for you.',
      publisher: 'Published by',
      api: 'For',
      may: 'May',
      since: 'Allowed since',
      end: 'Take access back',
      endQuestion: (app: string) => `Take access back from ${app}?`,
      endWhat: 'It is signed out everywhere. What it has begun may go on for up to fifteen minutes. If you use it ' +
        'again, it must ask you again.'
    },
    sessions: {
      title: 'Where you are signed in',
      none: 'Nowhere.',
      device: (browser: string, system: string) => `${browser} on ${system}`,
      unknownDevice: 'Unknown device',
      personalToken: (name: string) => `Personal token “${name}”`,
      thisBrowser: 'This browser',
      address: 'Internet address',
      app: 'App',
      by: 'Signed in with',
      since: 'Since',
      lastUsed: 'Last used',
      until: 'Ends by',
      end: 'Sign out there',
      endOthers: 'Sign out everywhere else',
      endOthersQuestion: 'Sign out everywhere else?',
      endOthersWhat: 'All other devices and apps must sign in again. Your personal tokens stop working, too.'
    },
    accounts: {
      title: 'Linked accounts',
      what: 'You can sign in with each of these.',
      name: 'Name there',
      email: 'Email there',
      since: 'Linked since',
      lastSignIn: 'Last sign-in',
      unlink: 'Unlink',
      unlinkQuestion: (provider: string, name: string) => `Unlink ${provider} (${name})?`,
      unlinkWhat: 'You can no longer sign in with it. Wherever you are signed in with it, you are signed out.',
      linkAnother: 'Link another account',
      where: 'Where do you have it?',
      link: 'Link',
      linkTitle: (provider: string) => `Link an account at ${provider}`,
      linkWhat: (provider: string) => `You sign in at ${provider} next, and then come back here. Use your own ` +
        'account only: whoever has it can sign in here as you.',
      goOn: (provider: string) => `Continue with ${provider}`
    },
    tokens: {
      title: 'Personal tokens',
      what: 'With a personal token, a script or a program of yours can act as you, without a sign-in.',
      none: 'You have none.',
      create: 'Make a personal token',
      created: (name: string) => `Your personal token “${name}”`,
      createdWhat: 'Copy it now: it is not shown again. Whoever has it can act as you.',
      token: 'Personal token',
      use: 'A program exchanges it for an access token like this:',
      back: 'I have copied it',
      name: 'Name',
      nameHint: 'What it is for, such as: backup script',
      days: 'Days until it ends',
      daysHint: 'From 1 to 365',
      mayRead: 'It may also read',
      scopes: { openid: 'who you are', profile: 'your name and picture', email: 'your email address' },
      scope: 'May read',
      resource: 'Is for',
      since: 'Made',
      lastUsed: 'Last used',
      never: 'Never',
      until: 'Ends',
      end: 'Take back',
      endQuestion: (name: string) => `Take back “${name}”?`,
      endWhat: 'What uses it stops working at once.'
    },
    activity: {
      title: 'Activity',
      none: 'Nothing yet.',
      time: 'Time',
      at: 'With',
      device: 'Device',
      address: 'Internet address',
      events: {
        'login.succeeded': 'Signed in',
        'login.failed': 'A sign-in failed',
        'account.linked': 'An account was linked',
        'account.unlinked': 'An account was unlinked',
        'provider.event': 'A linked account was changed where it is from',
        'personal_token.created': 'A personal token was made',
        'token.reuse_detected': 'A session was ended because someone may have copied it',
        'token.reused_in_window': 'A session was used from two places at once',
        'session.revoked': 'Signed out',
        'consent.granted': 'Allowed an app to act for you',
        'consent.revoked': "Took an app's access back",
        'user.created': 'The account was made',
        'user.updated': 'The profile was changed',
        'user.deleted': 'A user was deleted',
        'user.disabled': 'An administrator disabled the account',
        'user.enabled': 'An administrator enabled the account',
        'user.roles_changed': 'The roles were changed'
      }
    },
    data: {
      title: 'Your data',
      exportTitle: 'A copy of everything',
      exportWhat: 'All that is stored about you, as a file that other programs can read.',
      export: 'Download',
      deleteTitle: 'Delete your account',
      deleteWhat: 'Everything that is stored about you is deleted, and you are signed out everywhere. ' +
        'This cannot be undone.',
      delete: 'Delete your account …',
      deleteQuestion: 'Delete your account?',
      deleteFinally: 'Delete it for good',
      deleted: 'Your account is deleted',
      deletedWhat: 'You can close this page.'
    }
  },
  admin: {
    any: 'Any',
    search: 'Search',
    none: 'There is nothing here.',
    save: 'Save',
    secret: 'Secret',
    secretTitle: 'The new secret',
    secretWhat: 'Copy it now: it is not shown again.',
    secretBack: 'I have copied it',
    users: {
      title: 'Users',
      query: 'Name or email',
      queryHint: 'The beginnings of words',
      status: 'Status',
      active: 'Active',
      disabled: 'Disabled',
      provider: 'Signs in with',
      email: 'Email',
      roles: 'Roles',
      rolesHint: 'One a line. An administrator has the role admin.',
      metadata: 'Metadata',
      metadataHint: 'A JSON object of your own. It replaces the previous one.',
      accounts: 'Linked accounts',
      since: 'Since',
      lastSignIn: 'Last sign-in',
      id: 'Id',
      events: 'Events of this user',
      enable: 'Enable',
      disable: 'Disable',
      signOut: 'Sign out everywhere',
      delete: 'Delete',
      confirm: {
        disable: {
          question: (name: string) => `Disable ${name}?`,
          what: 'The user is signed out everywhere, and cannot sign in until an administrator enables them again.',
          label: 'Disable'
        },
        logout: {
          question: (name: string) => `Sign ${name} out everywhere?`,
          what: 'All their devices and apps must sign in again. Their personal tokens stop working, too.',
          label: 'Sign out everywhere'
        },
        delete: {
          question: (name: string) => `Delete ${name}?`,
          what: 'Everything that is stored about the user is deleted. This cannot be undone.',
          label: 'Delete for good'
        }
      }
    },
    clients: {
      title: 'Apps',
      create: 'Register an app',
      id: 'Client id',
      name: 'Name',
      type: 'Type',
      types: { public: 'Public: runs in a browser or on a device', confidential: 'Confidential: can keep a secret' },
      since: 'Registered',
      fromSettings: 'In the settings',
      fromSettingsWhat: 'This app stands in the setting CLIENTS, and can be changed there only.',
      redirectUris: 'Redirect URIs',
      postLogoutRedirectUris: 'Redirect URIs after signing out',
      onePerLine: 'One a line',
      more: 'Further settings',
      moreHint: 'A JSON object, such as {"requirePkce": true}. What it leaves out stays as it is.',
      newSecret: 'New secret',
      delete: 'Remove',
      confirm: {
        secret: {
          question: (name: string) => `A new secret for ${name}?`,
          what: 'The previous secret stops working at once, and so do the tokens that the app got for itself.',
          label: 'Make a new secret'
        },
        delete: {
          question: (name: string) => `Remove ${name}?`,
          what: 'People can no longer sign in to it. This cannot be undone.',
          label: 'Remove for good'
        }
      }
    },
    events: {
      title: 'Events',
      type: 'Type',
      typeHint: 'Such as login.succeeded',
      userId: 'Id of the user',
      from: 'From',
      to: 'Before',
      dayHint: 'A day such as 2026-01-31, in UTC',
      time: 'Time',
      user: 'User',
      actor: 'By',
      client: 'App',
      provider: 'With',
      address: 'Address',
      device: 'Device',
      request: 'Request',
      details: 'Details'
    },
    keys: {
      title: 'Signing keys',
      what: 'They sign the tokens. From time to time a new one takes over by itself.',
      status: 'Status',
      statuses: {
        next: 'Next: published, and will sign', current: 'Current: signs', retired: 'Retired: still verifies'
      },
      algorithm: 'Algorithm',
      since: 'Made',
      activated: 'Signs since',
      retired: 'Retired',
      rotate: 'Rotate now',
      rotateQuestion: 'Rotate the signing keys now?',
      rotateWhat: 'The next key signs from now on. The previous one verifies until its last token expires.'
    },
    webhooks: {
      title: 'Webhooks',
      what: 'Each address is sent a signed message when something happens to a user.',
      create: 'Add a webhook',
      one: 'Webhook',
      url: 'Address',
      urlHint: 'Begins with https://',
      types: 'Events',
      state: 'State',
      on: 'On',
      off: 'Off',
      since: 'Since',
      newSecret: 'New secret',
      delete: 'Remove',
      test: 'Send a test',
      tested: 'The test was sent',
      notArrived: 'The test did not arrive',
      answer: 'Answer',
      back: 'Back to the webhook',
      replayTitle: 'Send again',
      sinceHint: 'All messages since that time, such as 2026-01-31 or 2026-01-31T09:30:00Z',
      replay: 'Send again',
      deliveries: 'Messages',
      statuses: { pending: 'Waiting', delivered: 'Delivered', failed: 'Failed' },
      time: 'Time',
      user: 'User',
      attempts: 'Attempts',
      confirm: {
        secret: {
          question: 'A new secret for this webhook?',
          what: 'For 24 hours messages are signed with the previous secret as well.',
          label: 'Make a new secret'
        },
        delete: {
          question: 'Remove this webhook?',
          what: 'Its waiting messages are removed, too. This cannot be undone.',
          label: 'Remove for good'
        }
      }
    }
  }
}

/** The texts of one language. A text that a language lacks is a type error. */
export type Texts = typeof en
