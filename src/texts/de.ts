import type { Texts } from './en.ts'

/** German. */
export const de: Texts = {
  common: {
    continue: 'Weiter',
    cancel: 'Abbrechen',
    tryAgain: 'Erneut versuchen',
    chooseAnotherWay: 'Anders anmelden',
    signIn: 'Anmelden',
    backTo: (app) => `Zurück zu ${app}`,
    closePage: 'Sie können diese Seite schließen.',
    privacy: 'Datenschutz',
    terms: 'Nutzungsbedingungen',
    forDeveloper: 'Für die Entwickler dieser App',
    errorCode: 'Fehlercode',
    requestId: 'Anfrage'
  },
  signIn: {
    title: 'Anmelden',
    titleFor: (app) => `Bei ${app} anmelden`,
    continueWith: (provider) => `Weiter mit ${provider}`,
    usedLast: 'Zuletzt verwendet',
    none: 'Hier kann man sich noch nicht anmelden.',
    appOnThisDevice: 'Sie werden in einer App auf diesem Gerät angemeldet. Fahren Sie nur fort, wenn Sie das selbst ' +
      'begonnen haben.',
    returning: 'Zurück zur App'
  },
  signedIn: {
    title: 'Sie sind angemeldet',
    as: (name) => `Sie sind als ${name} angemeldet.`,
    nameless: 'Sie sind angemeldet. Ihr Konto hat noch keinen Namen.',
    again: 'Die Anmeldung ist abgeschlossen. Diese Seite wurde nur neu geladen, und das ändert nichts.',
    account: 'Ihr Konto',
    signInAgain: 'Erneut anmelden',
    tokens: 'Tokens für die Entwickler dieser App',
    tokensUse: 'Wer diese Tokens hat, kann in Ihrem Namen handeln: Zeigen Sie sie niemandem. Senden Sie das ' +
      'Zugriffstoken mit jeder Anfrage:',
    tokensRefresh: (minutes) => `Es gilt ${minutes} Minuten. Mit dem Aktualisierungstoken bekommen Sie ein neues:`,
    accessToken: 'Zugriffstoken',
    refreshToken: 'Aktualisierungstoken'
  },
  errors: {
    validation_failed: {
      title: 'Dieser Link funktioniert nicht',
      text: () => 'Die Seite, von der Sie kommen, hat einen Fehler gemacht. Bitte gehen Sie dorthin zurück und ' +
        'versuchen Sie es erneut.'
    },
    invalid_request: {
      title: 'Dieser Link funktioniert nicht',
      text: () => 'Die Seite, von der Sie kommen, hat einen Fehler gemacht. Bitte gehen Sie dorthin zurück und ' +
        'versuchen Sie es erneut.'
    },
    invalid_return_to: {
      title: 'Dieser Link funktioniert nicht',
      text: () => 'Er führt zu einer Seite, die nicht hierher gehört. Bitte gehen Sie dorthin zurück, woher Sie kamen.'
    },
    invalid_state: {
      title: 'Diese Anmeldung kann nicht fortgesetzt werden',
      text: () => 'Sie hat länger als zehn Minuten gedauert, wurde in einem anderen Browser begonnen oder schon ' +
        'abgeschlossen. Bitte beginnen Sie von vorn.'
    },
    access_denied: {
      title: 'Sie sind nicht angemeldet',
      text: (provider = 'der anderen Seite') =>
        `Die Anmeldung bei ${provider} wurde abgebrochen. Es hat sich nichts geändert.`
    },
    account_disabled: {
      title: 'Ihr Konto ist gesperrt',
      text: () => 'Es wurde von der Verwaltung gesperrt. Bitte wenden Sie sich an die Verwaltung.'
    },
    sign_up_closed: {
      title: 'Sie haben hier kein Konto',
      text: () => 'Zurzeit werden keine neuen Konten angelegt. Wenn Sie ein Konto haben, melden Sie sich so an wie ' +
        'beim letzten Mal.'
    },
    email_not_allowed: {
      title: 'Diese E-Mail-Adresse gilt hier nicht',
      text: () => 'Nur Adressen bestimmter Organisationen sind zugelassen. Bitte verwenden Sie ein Konto mit einer ' +
        'solchen Adresse.'
    },
    not_found: {
      title: 'Hier gibt es nichts',
      text: () => 'Vielleicht ist die Adresse falsch geschrieben, oder die Seite gibt es nicht mehr.'
    },
    unknown_provider: {
      title: 'So können Sie sich nicht anmelden',
      text: () => 'Das ist hier nicht möglich. Bitte wählen Sie einen anderen Weg.'
    },
    rate_limited: {
      title: 'Das war zu oft',
      text: () => 'Bitte warten Sie eine Minute und versuchen Sie es dann erneut.'
    },
    provider_error: {
      title: 'Die Anmeldung hat nicht funktioniert',
      text: (provider = 'Die andere Seite') =>
        `${provider} konnte sie nicht abschließen. Bitte versuchen Sie es erneut, oder melden Sie sich anders an.`
    },
    provider_timeout: {
      title: 'Die Anmeldung hat zu lange gedauert',
      text: (provider = 'Die andere Seite') =>
        `${provider} hat nicht rechtzeitig geantwortet. Bitte versuchen Sie es erneut, oder melden Sie sich anders an.`
    },
    service_unavailable: {
      title: 'Das geht gerade nicht',
      text: () => 'Wir sind in Kürze wieder da. Bitte versuchen Sie es gleich noch einmal.'
    },
    internal_error: {
      title: 'Etwas ist schiefgegangen',
      text: () => 'Der Fehler liegt bei uns, nicht bei Ihnen. Bitte versuchen Sie es gleich noch einmal.'
    },
    other: {
      title: 'Das hat nicht funktioniert',
      text: () => 'Bitte gehen Sie zurück und versuchen Sie es erneut.'
    }
  },
  authorize: {
    failed: 'Diese Anmeldung kann nicht beginnen',
    failedText: 'Die App, von der Sie kommen, hat einen Fehler gemacht. Bitte gehen Sie dorthin zurück und versuchen ' +
      'Sie es erneut.'
  },
  consent: {
    title: (app, apis) => `${app} erlauben, ${apis} zu nutzen?`,
    onThisComputer: 'Eine App auf diesem Computer',
    publishedBy: (host) => `Veröffentlicht von ${host}`,
    publishedOnThisComputer: (host) => `Eine App auf diesem Computer, veröffentlicht von ${host}`,
    returnsTo: (host) => `Eine App unter ${host}`,
    beforeSignIn: 'Sie möchte Ihr Konto hier nutzen. Nach der Anmeldung sehen Sie, worum sie bittet, und entscheiden.',
    asks: (person) => `Sie möchte für ${person} handeln und bittet darum:`,
    asksYou: 'Sie möchte für Sie handeln und bittet darum:',
    useApi: (api) => `${api} für Sie zu nutzen`,
    scope: (scope, api) => `${scope} (${api})`,
    openid: 'Sie wiederzuerkennen',
    profile: 'Ihren Namen, Ihr Bild und Ihren Benutzernamen zu sehen',
    email: 'Ihre E-Mail-Adresse zu sehen',
    unverifiedHost: (service, host) => `${service} hat nicht geprüft, wer hinter ${host} steht. ` +
      'Erlauben Sie das nur, wenn Sie es selbst begonnen haben und dieser Adresse vertrauen.',
    unverifiedApp: (service) => `${service} kann nicht prüfen, welche App auf diesem Computer fragt. ` +
      'Erlauben Sie das nur, wenn Sie es gerade selbst begonnen haben.',
    allow: 'Erlauben',
    failed: 'Das kann nicht mehr erlaubt werden',
    failedText: 'Sie wurden vor mehr als zehn Minuten oder in einem anderen Browser gefragt, haben schon ' +
      'geantwortet, oder die App hat sich geändert. Bitte gehen Sie zu ihr zurück und beginnen Sie neu.',
    foreignForm: 'Dieses Formular kam von einer anderen Seite, daher ist nichts geschehen. Bitte gehen ' +
      'Sie zurück und versuchen Sie es noch einmal.'
  },
  logout: {
    title: 'Abmelden?',
    asks: (app, host) => `${app} möchte Sie in diesem Browser von ${host} abmelden.`,
    ask: (host) => `Damit melden Sie sich in diesem Browser von ${host} ab.`,
    signOut: 'Abmelden',
    done: 'Abgemeldet',
    failed: 'Sie sind nicht abgemeldet',
    failedText: 'Die App, von der Sie kommen, hat einen Fehler gemacht. Hier können Sie sich abmelden.'
  },
  device: {
    title: 'Gerät verbinden',
    code: 'Der Code, den das Gerät zeigt',
    unknownCode: 'Dieser Code ist nicht bekannt oder abgelaufen. Bitte prüfen Sie den Code auf Ihrem Gerät.',
    shows: 'Das Gerät zeigt den Code',
    onlyIfYou: 'Fahren Sie nur fort, wenn Sie das selbst begonnen haben.',
    confirmTitle: (app) => `Bei ${app} anmelden?`,
    confirm: 'Das Gerät mit diesem Code wird mit Ihrem Konto angemeldet:',
    you: 'Sie',
    yes: 'Ja, anmelden',
    no: 'Nein',
    approved: 'Das Gerät ist angemeldet',
    denied: 'Das Gerät ist nicht angemeldet',
    tooLate: 'Bitte beginnen Sie von vorn',
    tooLateText: 'Dieser Code wurde schon verwendet, ist abgelaufen oder wurde nicht in diesem Browser eingegeben.',
    foreignForm: 'Dieses Formular kam von einer anderen Seite. Es ist nichts geschehen.',
    typeAgain: 'Code noch einmal eingeben'
  },
  deletion: {
    title: 'Löschung Ihrer Daten',
    unknown: 'Diese Löschung ist nicht bekannt',
    unknownText: 'Vielleicht ist die Adresse falsch geschrieben, oder die Löschung liegt über ein Jahr zurück.',
    deleted: 'Was dieser Dienst aus diesem Konto über Sie gespeichert hatte, wurde gelöscht.',
    signed_out: 'Sie wurden abgemeldet, und der Zugang dieses Dienstes zu diesem Konto wurde gelöscht. Der Betreiber ' +
      'behält Ihre übrigen Daten und entscheidet darüber: Bitte fragen Sie dort nach.',
    nothing_stored: 'Dieser Dienst hat über dieses Konto nichts gespeichert.',
    requested: (provider, date) => `Bei ${provider} verlangt und am ${date} erledigt.`
  },
  problems: {
    title: 'Fehlercodes',
    all: 'Alle Fehlercodes',
    status: 'HTTP-Status'
  },
  account: {
    navigation: 'Seiten Ihres Kontos',
    links: {
      '/account': 'Profil',
      '/account/sessions': 'Wo Sie angemeldet sind',
      '/account/accounts': 'Verknüpfte Konten',
      '/account/tokens': 'Persönliche Tokens',
      '/account/grants': 'Apps mit Zugriff',
      '/account/activity': 'Aktivität',
      '/account/data': 'Ihre Daten',
      '/admin': 'Benutzer',
      '/admin/pages/clients': 'Apps',
      '/admin/pages/events': 'Ereignisse',
      '/admin/pages/keys': 'Schlüssel',
      '/admin/pages/webhooks': 'Webhooks'
    },
    signOut: 'Abmelden',
    signedOut: 'Sie sind abgemeldet',
    signInAgain: 'Erneut anmelden',
    signInAgainWhy: 'Dafür müssen Sie sich in den letzten zehn Minuten angemeldet haben. Melden Sie sich erneut an, ' +
      'dann kommen Sie hierher zurück.',
    cancel: 'Abbrechen',
    nextPage: 'Mehr anzeigen',
    toAccount: 'Zurück zu Ihrem Konto',
    toAdmin: 'Verwaltung',
    didNotWork: 'Das hat nicht funktioniert',
    notAdministrator: 'Sie gehören nicht zur Verwaltung',
    done: {
      grant: 'Die App hat keinen Zugriff mehr.',
      profile: 'Ihre Änderungen sind gespeichert.',
      session: 'Die Sitzung ist beendet.',
      sessions: 'Alle anderen Sitzungen sind beendet.',
      linked: 'Das Konto ist verknüpft.',
      unlinked: 'Das Konto ist nicht mehr verknüpft.',
      token: 'Das persönliche Token gilt nicht mehr.',
      user: 'Die Änderung ist gespeichert.',
      userSignedOut: 'Die Person ist überall abgemeldet.',
      userDeleted: 'Die Person ist gelöscht.',
      client: 'Die App ist gespeichert.',
      clientDeleted: 'Die App ist entfernt.',
      keys: 'Die Schlüssel sind gewechselt.',
      webhook: 'Der Webhook ist gespeichert.',
      webhookDeleted: 'Der Webhook ist entfernt.',
      replayed: 'Die Nachrichten werden erneut gesendet.'
    },
    problems: {
      validation_failed: 'Etwas im Formular ist nicht gültig. Prüfen Sie die Felder und versuchen Sie es erneut.',
      invalid_request: 'Dieses Formular kam von einer anderen Seite oder ist nicht vollständig. Gehen Sie zurück und ' +
        'versuchen Sie es erneut.',
      invalid_state: 'Das ist in diesem Browser nicht mehr im Gange. Beginnen Sie von vorn.',
      invalid_grant: 'Es hat zu lange gedauert. Beginnen Sie von vorn.',
      access_denied: 'Sie haben abgelehnt, deshalb wurde nichts geändert.',
      provider_error: 'Die andere Seite hat nicht richtig geantwortet. Versuchen Sie es später erneut.',
      provider_timeout: 'Die andere Seite hat nicht rechtzeitig geantwortet. Versuchen Sie es später erneut.',
      invalid_id_token: 'Die andere Seite hat nicht richtig geantwortet. Versuchen Sie es später erneut.',
      forbidden: 'Diese Seiten sind für die Verwaltung.',
      email_not_allowed: 'Konten mit dieser E-Mail-Adresse sind hier nicht zugelassen.',
      not_found: 'Das gibt es nicht oder nicht mehr.',
      account_taken: 'Dieses Konto gehört hier schon jemand anderem. Melden Sie sich damit an und lösen Sie dort ' +
        'zuerst ' +
        'die Verknüpfung.',
      last_account: 'Das ist Ihr einziges Konto. Verknüpfen Sie zuerst ein anderes: Ohne könnten Sie sich nicht mehr ' +
        'anmelden.',
      last_admin: 'Das ist die einzige Person in der Verwaltung. Geben Sie die Rolle zuerst jemand anderem.',
      too_many_tokens: 'Mehr persönliche Tokens sind nicht möglich. Nehmen Sie zuerst eines zurück.',
      client_from_settings: 'Diese App steht in den Einstellungen des Dienstes und lässt sich nur dort ändern.',
      payload_too_large: 'Das ist zu lang.',
      rate_limited: 'Das war zu oft in kurzer Zeit. Warten Sie etwas und versuchen Sie es erneut.',
      service_unavailable: 'Der Dienst ist gerade nicht verfügbar. Versuchen Sie es bald erneut.',
      internal_error: 'Hier ist etwas schiefgegangen. Versuchen Sie es später erneut.'
    },
    profile: {
      title: 'Ihr Konto',
      hello: (name) => `Hallo, ${name}`,
      email: 'E-Mail',
      roles: 'Rollen',
      since: 'Dabei seit',
      lastSignIn: 'Letzte Anmeldung',
      id: 'Ihre Kennung',
      edit: 'Ihr Name und Ihre Sprache',
      name: 'Name',
      locale: 'Sprache',
      localeHint: 'Als Kürzel, zum Beispiel en, de-AT oder pt-BR',
      save: 'Speichern'
    },
    grants: {
      title: 'Apps mit Zugriff',
      what: 'Diesen Apps haben Sie erlaubt, in Ihrem Namen zu handeln.',
      none: 'Sie haben keiner App erlaubt, in Ihrem Namen zu handeln.',
      publisher: 'Veröffentlicht von',
      api: 'Für',
      may: 'Hat die Erlaubnis',
      since: 'Erlaubt seit',
      end: 'Zugriff entziehen',
      endQuestion: (app: string) => `${app} den Zugriff entziehen?`,
      endWhat: 'Sie wird überall abgemeldet. Was sie begonnen hat, kann noch bis zu fünfzehn Minuten weiterlaufen. ' +
        'Wenn Sie sie wieder verwenden, muss sie erneut fragen.'
    },
    sessions: {
      title: 'Wo Sie angemeldet sind',
      none: 'Nirgends.',
      device: (browser, system) => `${browser} unter ${system}`,
      unknownDevice: 'Unbekanntes Gerät',
      personalToken: (name) => `Persönliches Token „${name}“`,
      thisBrowser: 'Dieser Browser',
      address: 'Internetadresse',
      app: 'App',
      by: 'Angemeldet mit',
      since: 'Seit',
      lastUsed: 'Zuletzt verwendet',
      until: 'Endet spätestens',
      end: 'Dort abmelden',
      endOthers: 'Überall sonst abmelden',
      endOthersQuestion: 'Überall sonst abmelden?',
      endOthersWhat: 'Auf allen anderen Geräten und in allen Apps müssen Sie sich neu anmelden. Auch Ihre ' +
        'persönlichen ' +
        'Tokens gelten dann nicht mehr.'
    },
    accounts: {
      title: 'Verknüpfte Konten',
      what: 'Mit jedem davon können Sie sich anmelden.',
      name: 'Name dort',
      email: 'E-Mail dort',
      since: 'Verknüpft seit',
      lastSignIn: 'Letzte Anmeldung',
      unlink: 'Verknüpfung lösen',
      unlinkQuestion: (provider, name) => `Verknüpfung mit ${provider} (${name}) lösen?`,
      unlinkWhat: 'Sie können sich dann nicht mehr damit anmelden. Wo Sie damit angemeldet sind, werden Sie ' +
        'abgemeldet.',
      linkAnother: 'Weiteres Konto verknüpfen',
      where: 'Wo haben Sie es?',
      link: 'Verknüpfen',
      linkTitle: (provider) => `Konto bei ${provider} verknüpfen`,
      linkWhat: (provider) => `Sie melden sich als Nächstes bei ${provider} an und kommen dann hierher zurück. ` +
        'Nehmen ' +
        'Sie nur Ihr eigenes Konto: Wer es hat, kann sich hier als Sie anmelden.',
      goOn: (provider) => `Weiter mit ${provider}`
    },
    tokens: {
      title: 'Persönliche Tokens',
      what: 'Mit einem persönlichen Token kann ein Skript oder Programm von Ihnen ohne Anmeldung in Ihrem Namen ' +
        'handeln.',
      none: 'Sie haben keine.',
      create: 'Persönliches Token erstellen',
      created: (name) => `Ihr persönliches Token „${name}“`,
      createdWhat: 'Kopieren Sie es jetzt: Es wird nicht wieder gezeigt. Wer es hat, kann in Ihrem Namen handeln.',
      token: 'Persönliches Token',
      use: 'So tauscht ein Programm es gegen ein Zugriffstoken:',
      back: 'Ich habe es kopiert',
      name: 'Name',
      nameHint: 'Wofür es ist, zum Beispiel: Sicherung',
      days: 'Tage bis zum Ende',
      daysHint: 'Von 1 bis 365',
      mayRead: 'Es darf außerdem lesen',
      scopes: { openid: 'wer Sie sind', profile: 'Ihren Namen und Ihr Bild', email: 'Ihre E-Mail-Adresse' },
      scope: 'Darf lesen',
      resource: 'Ist für',
      since: 'Erstellt',
      lastUsed: 'Zuletzt verwendet',
      never: 'Nie',
      until: 'Endet',
      end: 'Zurücknehmen',
      endQuestion: (name) => `„${name}“ zurücknehmen?`,
      endWhat: 'Was es verwendet, funktioniert dann sofort nicht mehr.'
    },
    activity: {
      title: 'Aktivität',
      none: 'Noch nichts.',
      time: 'Zeit',
      at: 'Mit',
      device: 'Gerät',
      address: 'Internetadresse',
      events: {
        'login.succeeded': 'Angemeldet',
        'login.failed': 'Eine Anmeldung ist fehlgeschlagen',
        'account.linked': 'Ein Konto wurde verknüpft',
        'account.unlinked': 'Die Verknüpfung eines Kontos wurde gelöst',
        'provider.event': 'Ein verknüpftes Konto wurde dort geändert, woher es ist',
        'personal_token.created': 'Ein persönliches Token wurde erstellt',
        'token.reuse_detected': 'Eine Sitzung wurde beendet, weil jemand sie kopiert haben könnte',
        'token.reused_in_window': 'Eine Sitzung wurde an zwei Orten zugleich verwendet',
        'session.revoked': 'Abgemeldet',
        'consent.granted': 'Einer App Zugriff erlaubt',
        'consent.revoked': 'Einer App den Zugriff entzogen',
        'user.created': 'Das Konto wurde angelegt',
        'user.updated': 'Das Profil wurde geändert',
        'user.deleted': 'Eine Person wurde gelöscht',
        'user.disabled': 'Die Verwaltung hat das Konto gesperrt',
        'user.enabled': 'Die Verwaltung hat das Konto entsperrt',
        'user.roles_changed': 'Die Rollen wurden geändert'
      }
    },
    data: {
      title: 'Ihre Daten',
      exportTitle: 'Eine Kopie von allem',
      exportWhat: 'Alles, was über Sie gespeichert ist, als Datei, die andere Programme lesen können.',
      export: 'Herunterladen',
      deleteTitle: 'Konto löschen',
      deleteWhat: 'Alles, was über Sie gespeichert ist, wird gelöscht, und Sie werden überall abgemeldet. ' +
        'Das lässt sich nicht rückgängig machen.',
      delete: 'Konto löschen …',
      deleteQuestion: 'Ihr Konto löschen?',
      deleteFinally: 'Endgültig löschen',
      deleted: 'Ihr Konto ist gelöscht',
      deletedWhat: 'Sie können diese Seite schließen.'
    }
  },
  admin: {
    any: 'Alle',
    search: 'Suchen',
    none: 'Hier ist nichts.',
    save: 'Speichern',
    secret: 'Geheimnis',
    secretTitle: 'Das neue Geheimnis',
    secretWhat: 'Kopieren Sie es jetzt: Es wird nicht wieder gezeigt.',
    secretBack: 'Ich habe es kopiert',
    users: {
      title: 'Benutzer',
      query: 'Name oder E-Mail',
      queryHint: 'Anfänge von Wörtern',
      status: 'Status',
      active: 'Aktiv',
      disabled: 'Gesperrt',
      provider: 'Meldet sich an mit',
      email: 'E-Mail',
      roles: 'Rollen',
      rolesHint: 'Eine je Zeile. Wer verwaltet, hat die Rolle admin.',
      metadata: 'Metadaten',
      metadataHint: 'Ein eigenes JSON-Objekt. Es ersetzt das vorige.',
      accounts: 'Verknüpfte Konten',
      since: 'Seit',
      lastSignIn: 'Letzte Anmeldung',
      id: 'Kennung',
      events: 'Ereignisse dieser Person',
      enable: 'Entsperren',
      disable: 'Sperren',
      signOut: 'Überall abmelden',
      delete: 'Löschen',
      confirm: {
        disable: {
          question: (name) => `${name} sperren?`,
          what: 'Die Person wird überall abgemeldet und kann sich nicht anmelden, bis die Verwaltung sie entsperrt.',
          label: 'Sperren'
        },
        logout: {
          question: (name) => `${name} überall abmelden?`,
          what: 'Auf allen Geräten und in allen Apps ist eine neue Anmeldung nötig. Auch persönliche Tokens ' +
            'gelten nicht ' +
            'mehr.',
          label: 'Überall abmelden'
        },
        delete: {
          question: (name) => `${name} löschen?`,
          what: 'Alles, was über die Person gespeichert ist, wird gelöscht. Das lässt sich nicht rückgängig machen.',
          label: 'Endgültig löschen'
        }
      }
    },
    clients: {
      title: 'Apps',
      create: 'App registrieren',
      id: 'Client-ID',
      name: 'Name',
      type: 'Art',
      types: {
        public: 'Öffentlich: läuft im Browser oder auf einem Gerät', confidential: 'Vertraulich: hat ein Geheimnis'
      },
      since: 'Registriert',
      fromSettings: 'In den Einstellungen',
      fromSettingsWhat: 'Diese App steht in der Einstellung CLIENTS und lässt sich nur dort ändern.',
      redirectUris: 'Redirect-URIs',
      postLogoutRedirectUris: 'Redirect-URIs nach dem Abmelden',
      onePerLine: 'Eine je Zeile',
      more: 'Weitere Angaben',
      moreHint: 'Ein JSON-Objekt, zum Beispiel {"requirePkce": true}. Was fehlt, bleibt, wie es ist.',
      newSecret: 'Neues Geheimnis',
      delete: 'Entfernen',
      confirm: {
        secret: {
          question: (name) => `Ein neues Geheimnis für ${name}?`,
          what: 'Das vorige gilt sofort nicht mehr, ebenso die Tokens, die die App für sich selbst bekommen hat.',
          label: 'Neues Geheimnis erstellen'
        },
        delete: {
          question: (name) => `${name} entfernen?`,
          what: 'Niemand kann sich dort mehr anmelden. Das lässt sich nicht rückgängig machen.',
          label: 'Endgültig entfernen'
        }
      }
    },
    events: {
      title: 'Ereignisse',
      type: 'Art',
      typeHint: 'Zum Beispiel login.succeeded',
      userId: 'Kennung der Person',
      from: 'Ab',
      to: 'Vor',
      dayHint: 'Ein Tag wie 2026-01-31, in UTC',
      time: 'Zeit',
      user: 'Person',
      actor: 'Durch',
      client: 'App',
      provider: 'Mit',
      address: 'Adresse',
      device: 'Gerät',
      request: 'Anfrage',
      details: 'Einzelheiten'
    },
    keys: {
      title: 'Signaturschlüssel',
      what: 'Sie signieren die Tokens und wechseln von Zeit zu Zeit von selbst.',
      status: 'Status',
      statuses: {
        next: 'Nächster: veröffentlicht, wird signieren',
        current: 'Aktueller: signiert',
        retired: 'Abgelöst: prüft noch'
      },
      algorithm: 'Verfahren',
      since: 'Erstellt',
      activated: 'Signiert seit',
      retired: 'Abgelöst',
      rotate: 'Jetzt wechseln',
      rotateQuestion: 'Die Signaturschlüssel jetzt wechseln?',
      rotateWhat: 'Von nun an signiert der nächste Schlüssel. Der vorige prüft, bis sein letztes Token abläuft.'
    },
    webhooks: {
      title: 'Webhooks',
      what: 'Jede Adresse bekommt eine signierte Nachricht, wenn mit einer Person etwas geschieht.',
      create: 'Webhook hinzufügen',
      one: 'Webhook',
      url: 'Adresse',
      urlHint: 'Beginnt mit https://',
      types: 'Ereignisse',
      state: 'Zustand',
      on: 'An',
      off: 'Aus',
      since: 'Seit',
      newSecret: 'Neues Geheimnis',
      delete: 'Entfernen',
      test: 'Test senden',
      tested: 'Der Test wurde gesendet',
      notArrived: 'Der Test ist nicht angekommen',
      answer: 'Antwort',
      back: 'Zurück zum Webhook',
      replayTitle: 'Erneut senden',
      sinceHint: 'Alle Nachrichten seit dieser Zeit, zum Beispiel 2026-01-31 oder 2026-01-31T09:30:00Z',
      replay: 'Erneut senden',
      deliveries: 'Nachrichten',
      statuses: { pending: 'Wartet', delivered: 'Zugestellt', failed: 'Fehlgeschlagen' },
      time: 'Zeit',
      user: 'Person',
      attempts: 'Versuche',
      confirm: {
        secret: {
          question: 'Ein neues Geheimnis für diesen Webhook?',
          what: '24 Stunden lang werden Nachrichten auch mit dem vorigen signiert.',
          label: 'Neues Geheimnis erstellen'
        },
        delete: {
          question: 'Diesen Webhook entfernen?',
          what: 'Auch seine wartenden Nachrichten werden entfernt. Das lässt sich nicht rückgängig machen.',
          label: 'Endgültig entfernen'
        }
      }
    }
  }
}
