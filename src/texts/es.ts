import type { Texts } from './en.ts'

/** Spanish. */
export const es: Texts = {
  common: {
    continue: 'Continuar',
    cancel: 'Cancelar',
    tryAgain: 'Intentar de nuevo',
    chooseAnotherWay: 'Elegir otra forma de iniciar sesión',
    signIn: 'Iniciar sesión',
    backTo: (app) => `Volver a ${app}`,
    closePage: 'Ya puedes cerrar esta página.',
    privacy: 'Privacidad',
    terms: 'Condiciones de uso',
    forDeveloper: 'Para quien desarrolla esta aplicación',
    errorCode: 'Código de error',
    requestId: 'Solicitud'
  },
  signIn: {
    title: 'Iniciar sesión',
    titleFor: (app) => `Iniciar sesión en ${app}`,
    continueWith: (provider) => `Continuar con ${provider}`,
    usedLast: 'Usado la última vez',
    none: 'Todavía no se puede iniciar sesión aquí.',
    appOnThisDevice: 'Vas a iniciar sesión en una aplicación de este dispositivo. Continúa solo si fuiste tú quien ' +
      'empezó.',
    returning: 'Volviendo a la aplicación'
  },
  signedIn: {
    title: 'Has iniciado sesión',
    as: (name) => `Has iniciado sesión como ${name}.`,
    nameless: 'Has iniciado sesión. Tu cuenta todavía no tiene nombre.',
    again: 'El inicio de sesión ya terminó. Solo se volvió a cargar esta página, y eso no cambia nada.',
    account: 'Tu cuenta',
    signInAgain: 'Iniciar sesión de nuevo',
    tokens: 'Tokens para quien desarrolla esta aplicación',
    tokensUse: 'Quien tenga estos tokens puede actuar en tu nombre: no se los muestres a nadie. Envía el token de ' +
      'acceso con cada solicitud:',
    tokensRefresh: (minutes) => `Vale durante ${minutes} minutos. Con el token de actualización se obtiene otro:`,
    accessToken: 'Token de acceso',
    refreshToken: 'Token de actualización'
  },
  errors: {
    validation_failed: {
      title: 'Este enlace no funciona',
      text: () => 'La página que te envió aquí cometió un error. Vuelve a ella e inténtalo de nuevo.'
    },
    invalid_request: {
      title: 'Este enlace no funciona',
      text: () => 'La página que te envió aquí cometió un error. Vuelve a ella e inténtalo de nuevo.'
    },
    invalid_return_to: {
      title: 'Este enlace no funciona',
      text: () => 'Lleva a una página ajena a este sitio. Vuelve al lugar del que viniste.'
    },
    invalid_state: {
      title: 'Este inicio de sesión no puede continuar',
      text: () => 'Tardó más de diez minutos, se empezó en otro navegador o ya se había usado. Empieza de nuevo.'
    },
    access_denied: {
      title: 'No has iniciado sesión',
      text: (provider = 'la otra página') =>
        `El inicio de sesión en ${provider} se detuvo, así que no ha cambiado nada.`
    },
    account_disabled: {
      title: 'Tu cuenta está desactivada',
      text: () => 'La desactivó la administración, y solo la administración puede volver a activarla.'
    },
    sign_up_closed: {
      title: 'No tienes una cuenta aquí',
      text: () => 'Por ahora no se crean cuentas nuevas. Si ya tienes una, inicia sesión como lo hiciste antes.'
    },
    email_not_allowed: {
      title: 'Esta dirección de correo no se puede usar aquí',
      text: () => 'Solo se admiten direcciones de ciertas organizaciones. Usa una cuenta con una dirección así.'
    },
    not_found: {
      title: 'Aquí no hay nada',
      text: () => 'Puede que la dirección esté mal escrita o que la página ya no exista.'
    },
    unknown_provider: {
      title: 'No puedes iniciar sesión así',
      text: () => 'No está disponible aquí. Elige otra forma.'
    },
    rate_limited: {
      title: 'Demasiados intentos',
      text: () => 'Espera un minuto e inténtalo de nuevo.'
    },
    provider_error: {
      title: 'El inicio de sesión no funcionó',
      text: (provider = 'La otra página') =>
        `${provider} no pudo completarlo. Inténtalo de nuevo o elige otra forma de iniciar sesión.`
    },
    provider_timeout: {
      title: 'El inicio de sesión tardó demasiado',
      text: (provider = 'La otra página') =>
        `${provider} no respondió a tiempo. Inténtalo de nuevo o elige otra forma de iniciar sesión.`
    },
    service_unavailable: {
      title: 'Ahora mismo no funciona',
      text: () => 'Volveremos en breve. Inténtalo de nuevo dentro de un momento.'
    },
    internal_error: {
      title: 'Algo salió mal',
      text: () => 'El error es nuestro, no tuyo. Inténtalo de nuevo dentro de un momento.'
    },
    other: {
      title: 'Eso no funcionó',
      text: () => 'Vuelve atrás e inténtalo de nuevo.'
    }
  },
  authorize: {
    failed: 'Este inicio de sesión no puede empezar',
    failedText: 'La aplicación que te envió aquí cometió un error. Vuelve a ella e inténtalo de nuevo.'
  },
  consent: {
    title: (app, apis) => `¿Permitir que ${app} use ${apis}?`,
    onThisComputer: 'Una aplicación de este ordenador',
    publishedBy: (host) => `Publicada por ${host}`,
    publishedOnThisComputer: (host) => `Una aplicación de este ordenador, publicada por ${host}`,
    returnsTo: (host) => `Una aplicación en ${host}`,
    beforeSignIn: 'Quiere usar tu cuenta aquí. Después de iniciar sesión verás lo que pide y decidirás.',
    asks: (person) => `Quiere actuar en nombre de ${person} y pide:`,
    asksYou: 'Quiere actuar en tu nombre y pide:',
    useApi: (api) => `Usar ${api} por ti`,
    scope: (scope, api) => `${scope} (${api})`,
    openid: 'Reconocerte cuando vuelvas',
    profile: 'Ver tu nombre, tu imagen y tu nombre de usuario',
    email: 'Ver tu dirección de correo',
    unverifiedHost: (service, host) => `${service} no ha comprobado quién está detrás de ${host}. Permítelo solo si ` +
      'fuiste tú quien lo empezó y confías en esa dirección.',
    unverifiedApp: (service) => `${service} no puede comprobar qué aplicación de este ordenador lo pide. Permítelo ` +
      'solo si acabas de empezarlo tú.',
    allow: 'Permitir',
    failed: 'Esto ya no se puede permitir',
    failedText: 'Se te preguntó hace más de diez minutos o en otro navegador, ya has respondido, o la aplicación ha ' +
      'cambiado. Vuelve a ella y empieza de nuevo.',
    foreignForm: 'Este formulario venía de otra página, así que no se ha hecho nada. Vuelve atrás e inténtalo de nuevo.'
  },
  logout: {
    title: '¿Cerrar sesión?',
    asks: (app, host) => `${app} pide cerrar tu sesión de ${host} en este navegador.`,
    ask: (host) => `Esto cierra tu sesión de ${host} en este navegador.`,
    signOut: 'Cerrar sesión',
    done: 'Sesión cerrada',
    failed: 'Tu sesión sigue abierta',
    failedText: 'La aplicación que te envió aquí cometió un error. Puedes cerrar la sesión aquí.'
  },
  device: {
    title: 'Conectar un dispositivo',
    code: 'El código que muestra el dispositivo',
    unknownCode: 'Este código no existe o ha caducado. Comprueba el código que muestra tu dispositivo.',
    shows: 'El dispositivo muestra el código',
    onlyIfYou: 'Continúa solo si fuiste tú quien empezó.',
    confirmTitle: (app) => `¿Iniciar sesión en ${app}?`,
    confirm: 'El dispositivo con este código iniciará sesión con tu cuenta:',
    you: 'Tú',
    yes: 'Sí, iniciar sesión',
    no: 'No',
    approved: 'El dispositivo ha iniciado sesión',
    denied: 'El dispositivo no ha iniciado sesión',
    tooLate: 'Empieza de nuevo',
    tooLateText: 'Este código ya se usó, ha caducado o no se escribió en este navegador.',
    foreignForm: 'Este formulario venía de otra página, así que no se hizo nada.',
    typeAgain: 'Escribir el código otra vez'
  },
  deletion: {
    title: 'Eliminación de tus datos',
    unknown: 'Esta eliminación no existe',
    unknownText: 'Puede que la dirección esté mal escrita o que la eliminación tenga más de un año.',
    deleted: 'Se eliminó lo que este servicio guardaba sobre ti de esa cuenta.',
    signed_out: 'Se cerró tu sesión y se eliminó lo que daba a este servicio acceso a esa cuenta. El responsable de ' +
      'este servicio conserva tus demás datos y decide sobre ellos: consúltale.',
    nothing_stored: 'Este servicio no guardaba nada sobre esa cuenta.',
    requested: (provider, date) => `Solicitada en ${provider} y realizada el ${date}.`
  },
  problems: {
    title: 'Códigos de error',
    all: 'Todos los códigos de error',
    status: 'Estado HTTP'
  },
  account: {
    navigation: 'Páginas de tu cuenta',
    links: {
      '/account': 'Perfil',
      '/account/sessions': 'Dónde has iniciado sesión',
      '/account/accounts': 'Cuentas vinculadas',
      '/account/tokens': 'Tokens personales',
      '/account/grants': 'Aplicaciones con acceso',
      '/account/activity': 'Actividad',
      '/account/data': 'Tus datos',
      '/admin': 'Usuarios',
      '/admin/pages/clients': 'Aplicaciones',
      '/admin/pages/events': 'Eventos',
      '/admin/pages/keys': 'Claves',
      '/admin/pages/webhooks': 'Webhooks'
    },
    signOut: 'Cerrar sesión',
    signedOut: 'Has cerrado la sesión',
    signInAgain: 'Iniciar sesión de nuevo',
    signInAgainWhy: 'Para esto debes haber iniciado sesión en los últimos diez minutos. Inicia sesión de nuevo y ' +
      'volverás aquí.',
    cancel: 'Cancelar',
    nextPage: 'Mostrar más',
    toAccount: 'Volver a tu cuenta',
    toAdmin: 'Administración',
    didNotWork: 'No ha funcionado',
    notAdministrator: 'No eres administrador',
    done: {
      grant: 'La aplicación ya no tiene acceso.',
      profile: 'Los cambios se han guardado.',
      session: 'La sesión se ha cerrado.',
      sessions: 'Todas las demás sesiones se han cerrado.',
      linked: 'La cuenta está vinculada.',
      unlinked: 'La cuenta ya no está vinculada.',
      token: 'El token personal ya no funciona.',
      user: 'El usuario se ha modificado.',
      userSignedOut: 'Se han cerrado todas las sesiones del usuario.',
      userDeleted: 'El usuario se ha eliminado.',
      client: 'La aplicación se ha guardado.',
      clientDeleted: 'La aplicación se ha eliminado.',
      keys: 'Las claves se han renovado.',
      webhook: 'El webhook se ha guardado.',
      webhookDeleted: 'El webhook se ha eliminado.',
      replayed: 'Los mensajes se enviarán de nuevo.'
    },
    problems: {
      validation_failed: 'Algo en el formulario no es válido. Revisa los campos e inténtalo de nuevo.',
      invalid_request: 'Este formulario vino de otra página o no está completo. Vuelve atrás e inténtalo de nuevo.',
      invalid_state: 'Esto ya no está en curso en este navegador. Empieza de nuevo.',
      invalid_grant: 'Ha pasado demasiado tiempo. Empieza de nuevo.',
      access_denied: 'Lo rechazaste, así que no se ha cambiado nada.',
      provider_error: 'El otro sitio no respondió como debía. Inténtalo más tarde.',
      provider_timeout: 'El otro sitio no respondió a tiempo. Inténtalo más tarde.',
      invalid_id_token: 'El otro sitio no respondió como debía. Inténtalo más tarde.',
      forbidden: 'Estas páginas son para administradores.',
      email_not_allowed: 'Aquí no se admiten cuentas con esta dirección de correo.',
      not_found: 'No existe o ya no existe.',
      account_taken: 'Esta cuenta ya pertenece aquí a otra persona. Inicia sesión con ella y desvincúlala allí ' +
        'primero.',
      last_account: 'Es tu única cuenta. Vincula otra primero: sin ninguna no podrías volver a iniciar sesión.',
      last_admin: 'Es el único administrador. Haz administrador primero a otro usuario.',
      too_many_tokens: 'Ya tienes el máximo de tokens personales. Retira uno primero.',
      client_from_settings: 'Esta aplicación está en la configuración del servicio y solo se puede cambiar allí.',
      payload_too_large: 'Es demasiado largo.',
      rate_limited: 'Demasiadas veces en poco tiempo. Espera un poco e inténtalo de nuevo.',
      service_unavailable: 'El servicio no está disponible en este momento. Inténtalo de nuevo dentro de un momento.',
      internal_error: 'Algo ha fallado aquí. Inténtalo más tarde.'
    },
    profile: {
      title: 'Tu cuenta',
      hello: (name) => `Hola, ${name}`,
      email: 'Correo electrónico',
      roles: 'Roles',
      since: 'Miembro desde',
      lastSignIn: 'Último inicio de sesión',
      id: 'Tu identificador',
      edit: 'Tu nombre y tu idioma',
      name: 'Nombre',
      locale: 'Idioma',
      localeHint: 'Como código, por ejemplo en, es-MX o pt-BR',
      save: 'Guardar'
    },
    grants: {
      title: 'Aplicaciones con acceso',
      what: 'Has permitido que estas aplicaciones actúen en tu nombre.',
      none: 'No has permitido que ninguna aplicación actúe en tu nombre.',
      publisher: 'Publicada por',
      api: 'Para',
      may: 'Puede',
      since: 'Permitida desde',
      end: 'Retirar el acceso',
      endQuestion: (app: string) => `¿Retirar el acceso a ${app}?`,
      endWhat: 'Se cierra su sesión en todas partes. Lo que haya empezado puede seguir hasta quince minutos. Si la ' +
        'vuelves a usar, tendrá que pedírtelo otra vez.'
    },
    sessions: {
      title: 'Dónde has iniciado sesión',
      none: 'En ningún sitio.',
      device: (browser, system) => `${browser} en ${system}`,
      unknownDevice: 'Dispositivo desconocido',
      personalToken: (name) => `Token personal «${name}»`,
      thisBrowser: 'Este navegador',
      address: 'Dirección de internet',
      app: 'Aplicación',
      by: 'Sesión iniciada con',
      since: 'Desde',
      lastUsed: 'Último uso',
      until: 'Termina a más tardar',
      end: 'Cerrar esa sesión',
      endOthers: 'Cerrar todas las demás sesiones',
      endOthersQuestion: '¿Cerrar todas las demás sesiones?',
      endOthersWhat: 'Tendrás que volver a iniciar sesión en todos los demás dispositivos y aplicaciones. Tus tokens ' +
        'personales también dejarán de funcionar.'
    },
    accounts: {
      title: 'Cuentas vinculadas',
      what: 'Puedes iniciar sesión con cada una de ellas.',
      name: 'Nombre allí',
      email: 'Correo allí',
      since: 'Vinculada desde',
      lastSignIn: 'Último inicio de sesión',
      unlink: 'Desvincular',
      unlinkQuestion: (provider, name) => `¿Desvincular ${provider} (${name})?`,
      unlinkWhat: 'Ya no podrás iniciar sesión con ella. Se cerrarán las sesiones que iniciaste con ella.',
      linkAnother: 'Vincular otra cuenta',
      where: '¿Dónde la tienes?',
      link: 'Vincular',
      linkTitle: (provider) => `Vincular una cuenta de ${provider}`,
      linkWhat: (provider) => `Ahora iniciarás sesión en ${provider} y después volverás aquí. Usa solo tu propia ` +
        'cuenta: quien la tenga podrá iniciar sesión aquí como tú.',
      goOn: (provider) => `Continuar con ${provider}`
    },
    tokens: {
      title: 'Tokens personales',
      what: 'Con un token personal, un script o un programa tuyo puede actuar en tu nombre sin iniciar sesión.',
      none: 'No tienes ninguno.',
      create: 'Crear un token personal',
      created: (name) => `Tu token personal «${name}»`,
      createdWhat: 'Cópialo ahora: no se volverá a mostrar. Quien lo tenga podrá actuar en tu nombre.',
      token: 'Token personal',
      use: 'Un programa lo cambia así por un token de acceso:',
      back: 'Ya lo he copiado',
      name: 'Nombre',
      nameHint: 'Para qué es, por ejemplo: copia de seguridad',
      days: 'Días hasta que termine',
      daysHint: 'De 1 a 365',
      mayRead: 'También puede leer',
      scopes: { openid: 'quién eres', profile: 'tu nombre y tu foto', email: 'tu dirección de correo' },
      scope: 'Puede leer',
      resource: 'Es para',
      since: 'Creado',
      lastUsed: 'Último uso',
      never: 'Nunca',
      until: 'Termina',
      end: 'Retirar',
      endQuestion: (name) => `¿Retirar «${name}»?`,
      endWhat: 'Lo que lo use dejará de funcionar de inmediato.'
    },
    activity: {
      title: 'Actividad',
      none: 'Todavía nada.',
      time: 'Hora',
      at: 'Con',
      device: 'Dispositivo',
      address: 'Dirección de internet',
      events: {
        'login.succeeded': 'Inicio de sesión',
        'login.failed': 'Un inicio de sesión falló',
        'account.linked': 'Se vinculó una cuenta',
        'account.unlinked': 'Se desvinculó una cuenta',
        'provider.event': 'Una cuenta vinculada cambió en su sitio de origen',
        'personal_token.created': 'Se creó un token personal',
        'token.reuse_detected': 'Se cerró una sesión porque alguien pudo haberla copiado',
        'token.reused_in_window': 'Una sesión se usó en dos sitios a la vez',
        'session.revoked': 'Sesión cerrada',
        'consent.granted': 'Se dio acceso a una aplicación',
        'consent.revoked': 'Se retiró el acceso a una aplicación',
        'user.created': 'Se creó la cuenta',
        'user.updated': 'Se cambió el perfil',
        'user.deleted': 'Se eliminó un usuario',
        'user.disabled': 'Un administrador desactivó la cuenta',
        'user.enabled': 'Un administrador activó la cuenta',
        'user.roles_changed': 'Se cambiaron los roles'
      }
    },
    data: {
      title: 'Tus datos',
      exportTitle: 'Una copia de todo',
      exportWhat: 'Todo lo que se guarda sobre ti, en un archivo que otros programas pueden leer.',
      export: 'Descargar',
      deleteTitle: 'Eliminar tu cuenta',
      deleteWhat: 'Se elimina todo lo que se guarda sobre ti y se cierran todas tus sesiones. No se puede deshacer.',
      delete: 'Eliminar tu cuenta…',
      deleteQuestion: '¿Eliminar tu cuenta?',
      deleteFinally: 'Eliminar para siempre',
      deleted: 'Tu cuenta se ha eliminado',
      deletedWhat: 'Ya puedes cerrar esta página.'
    }
  },
  admin: {
    any: 'Todos',
    search: 'Buscar',
    none: 'Aquí no hay nada.',
    save: 'Guardar',
    secret: 'Secreto',
    secretTitle: 'El nuevo secreto',
    secretWhat: 'Cópialo ahora: no se volverá a mostrar.',
    secretBack: 'Ya lo he copiado',
    users: {
      title: 'Usuarios',
      query: 'Nombre o correo',
      queryHint: 'Comienzos de palabras',
      status: 'Estado',
      active: 'Activo',
      disabled: 'Desactivado',
      provider: 'Inicia sesión con',
      email: 'Correo electrónico',
      roles: 'Roles',
      rolesHint: 'Uno por línea. Un administrador tiene el rol admin.',
      metadata: 'Metadatos',
      metadataHint: 'Un objeto JSON propio. Sustituye al anterior.',
      accounts: 'Cuentas vinculadas',
      since: 'Desde',
      lastSignIn: 'Último inicio de sesión',
      id: 'Identificador',
      events: 'Eventos de este usuario',
      enable: 'Activar',
      disable: 'Desactivar',
      signOut: 'Cerrar todas sus sesiones',
      delete: 'Eliminar',
      confirm: {
        disable: {
          question: (name) => `¿Desactivar a ${name}?`,
          what: 'Se cierran todas sus sesiones y no podrá iniciar sesión hasta que un administrador lo active.',
          label: 'Desactivar'
        },
        logout: {
          question: (name) => `¿Cerrar todas las sesiones de ${name}?`,
          what: 'Tendrá que volver a iniciar sesión en todos sus dispositivos y aplicaciones. Sus tokens personales ' +
            'también dejarán de funcionar.',
          label: 'Cerrar todas sus sesiones'
        },
        delete: {
          question: (name) => `¿Eliminar a ${name}?`,
          what: 'Se elimina todo lo que se guarda sobre el usuario. No se puede deshacer.',
          label: 'Eliminar para siempre'
        }
      }
    },
    clients: {
      title: 'Aplicaciones',
      create: 'Registrar una aplicación',
      id: 'Identificador de cliente',
      name: 'Nombre',
      type: 'Tipo',
      types: {
        public: 'Pública: funciona en un navegador o dispositivo', confidential: 'Confidencial: guarda un secreto'
      },
      since: 'Registrada',
      fromSettings: 'En la configuración',
      fromSettingsWhat: 'Esta aplicación está en el ajuste CLIENTS y solo se puede cambiar allí.',
      redirectUris: 'URI de redirección',
      postLogoutRedirectUris: 'URI de redirección tras cerrar sesión',
      onePerLine: 'Una por línea',
      more: 'Otros ajustes',
      moreHint: 'Un objeto JSON, por ejemplo {"requirePkce": true}. Lo que falte queda como está.',
      newSecret: 'Nuevo secreto',
      delete: 'Eliminar',
      confirm: {
        secret: {
          question: (name) => `¿Un nuevo secreto para ${name}?`,
          what: 'El anterior deja de funcionar de inmediato, y también los tokens que la aplicación obtuvo para sí.',
          label: 'Crear un nuevo secreto'
        },
        delete: {
          question: (name) => `¿Eliminar ${name}?`,
          what: 'Nadie podrá iniciar sesión en ella. No se puede deshacer.',
          label: 'Eliminar para siempre'
        }
      }
    },
    events: {
      title: 'Eventos',
      type: 'Tipo',
      typeHint: 'Por ejemplo login.succeeded',
      userId: 'Identificador del usuario',
      from: 'Desde',
      to: 'Antes de',
      dayHint: 'Un día como 2026-01-31, en UTC',
      time: 'Hora',
      user: 'Usuario',
      actor: 'Por',
      client: 'Aplicación',
      provider: 'Con',
      address: 'Dirección',
      device: 'Dispositivo',
      request: 'Solicitud',
      details: 'Detalles'
    },
    keys: {
      title: 'Claves de firma',
      what: 'Firman los tokens y se renuevan solas de vez en cuando.',
      status: 'Estado',
      statuses: {
        next: 'Siguiente: publicada, firmará', current: 'Actual: firma', retired: 'Retirada: todavía verifica'
      },
      algorithm: 'Algoritmo',
      since: 'Creada',
      activated: 'Firma desde',
      retired: 'Retirada',
      rotate: 'Renovar ahora',
      rotateQuestion: '¿Renovar ahora las claves de firma?',
      rotateWhat: 'Desde ahora firma la siguiente clave. La anterior verifica hasta que caduque su último token.'
    },
    webhooks: {
      title: 'Webhooks',
      what: 'Cada dirección recibe un mensaje firmado cuando le ocurre algo a un usuario.',
      create: 'Añadir un webhook',
      one: 'Webhook',
      url: 'Dirección',
      urlHint: 'Empieza por https://',
      types: 'Eventos',
      state: 'Estado',
      on: 'Activado',
      off: 'Desactivado',
      since: 'Desde',
      newSecret: 'Nuevo secreto',
      delete: 'Eliminar',
      test: 'Enviar una prueba',
      tested: 'La prueba se ha enviado',
      notArrived: 'La prueba no ha llegado',
      answer: 'Respuesta',
      back: 'Volver al webhook',
      replayTitle: 'Enviar de nuevo',
      sinceHint: 'Todos los mensajes desde ese momento, por ejemplo 2026-01-31 o 2026-01-31T09:30:00Z',
      replay: 'Enviar de nuevo',
      deliveries: 'Mensajes',
      statuses: { pending: 'En espera', delivered: 'Entregado', failed: 'Fallido' },
      time: 'Hora',
      user: 'Usuario',
      attempts: 'Intentos',
      confirm: {
        secret: {
          question: '¿Un nuevo secreto para este webhook?',
          what: 'Durante 24 horas los mensajes se firman también con el secreto anterior.',
          label: 'Crear un nuevo secreto'
        },
        delete: {
          question: '¿Eliminar este webhook?',
          what: 'También se eliminan sus mensajes en espera. No se puede deshacer.',
          label: 'Eliminar para siempre'
        }
      }
    }
  }
}
