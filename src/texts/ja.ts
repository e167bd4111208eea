import type { Texts } from './en.ts'

/** Japanese. */
export const ja: Texts = {
  common: {
    continue: '続ける',
    cancel: 'キャンセル',
    tryAgain: 'もう一度試す',
    chooseAnotherWay: '別の方法でサインインする',
    signIn: 'サインイン',
    backTo: (app) => `${app} に戻る`,
    closePage: 'このページを閉じてもかまいません。',
    privacy: 'プライバシー',
    terms: '利用規約',
    forDeveloper: 'このアプリの開発者の方へ',
    errorCode: 'エラーコード',
    requestId: 'リクエスト'
  },
  signIn: {
    title: 'サインイン',
    titleFor: (app) => `${app} にサインイン`,
    continueWith: (provider) => `${provider} で続ける`,
    usedLast: '前回使用',
    none: 'ここではまだサインインできません。',
    appOnThisDevice: 'この端末のアプリにサインインします。ご自身で始めた場合にのみ続けてください。',
    returning: 'アプリに戻ります'
  },
  signedIn: {
    title: 'サインインしました',
    as: (name) => `${name} としてサインインしています。`,
    nameless: 'サインインしています。アカウントにはまだ名前がありません。',
    again: 'サインインは完了しています。このページが再読み込みされただけで、何も変わりません。',
    account: 'アカウント',
    signInAgain: 'もう一度サインインする',
    tokens: 'このアプリの開発者向けトークン',
    tokensUse: 'このトークンを持つ人は、あなたとして操作できます。誰にも見せないでください。' +
      'アクセストークンはリクエストごとに送ります。',
    tokensRefresh: (minutes) => `有効期間は ${minutes} 分です。リフレッシュトークンで新しいものを取得できます。`,
    accessToken: 'アクセストークン',
    refreshToken: 'リフレッシュトークン'
  },
  errors: {
    validation_failed: {
      title: 'このリンクは使えません',
      text: () => '元のページに誤りがあります。元のページに戻って、もう一度お試しください。'
    },
    invalid_request: {
      title: 'このリンクは使えません',
      text: () => '元のページに誤りがあります。元のページに戻って、もう一度お試しください。'
    },
    invalid_return_to: {
      title: 'このリンクは使えません',
      text: () => 'リンク先がこのサイトと関係のないページです。元のページにお戻りください。'
    },
    invalid_state: {
      title: 'このサインインは続けられません',
      text: () => '10 分以上経過したか、別のブラウザーで始められたか、すでに使用されています。最初からやり直してください。'
    },
    access_denied: {
      title: 'サインインしていません',
      text: (provider = '相手のページ') => `${provider} でのサインインが中止されました。何も変更されていません。`
    },
    account_disabled: {
      title: 'アカウントが無効になっています',
      text: () => '管理者が無効にしました。有効に戻せるのは管理者だけです。管理者にお問い合わせください。'
    },
    sign_up_closed: {
      title: 'アカウントがありません',
      text: () => '現在、新しいアカウントは作成できません。アカウントをお持ちの場合は、以前と同じ方法でサインインしてください。'
    },
    email_not_allowed: {
      title: 'このメールアドレスは使えません',
      text: () => '特定の組織のアドレスだけが使えます。そのようなアドレスのアカウントをお使いください。'
    },
    not_found: {
      title: 'ページが見つかりません',
      text: () => 'アドレスが間違っているか、ページがなくなった可能性があります。'
    },
    unknown_provider: {
      title: 'この方法ではサインインできません',
      text: () => 'ここでは利用できません。別の方法を選んでください。'
    },
    rate_limited: {
      title: '回数が多すぎます',
      text: () => '1 分ほど待ってから、もう一度お試しください。'
    },
    provider_error: {
      title: 'サインインできませんでした',
      text: (provider = '相手のページ') =>
        `${provider} で完了できませんでした。もう一度試すか、別の方法でサインインしてください。`
    },
    provider_timeout: {
      title: 'サインインに時間がかかりすぎました',
      text: (provider = '相手のページ') =>
        `${provider} から時間内に応答がありませんでした。もう一度試すか、別の方法でサインインしてください。`
    },
    service_unavailable: {
      title: '現在ご利用いただけません',
      text: () => 'まもなく復旧します。しばらくしてから、もう一度お試しください。'
    },
    internal_error: {
      title: '問題が発生しました',
      text: () => 'こちら側の問題です。しばらくしてから、もう一度お試しください。'
    },
    other: {
      title: 'うまくいきませんでした',
      text: () => '前のページに戻って、もう一度お試しください。'
    }
  },
  authorize: {
    failed: 'このサインインは始められません',
    failedText: '元のアプリに誤りがあります。アプリに戻って、もう一度お試しください。'
  },
  consent: {
    title: (app, apis) => `${app} に ${apis} の利用を許可しますか？`,
    onThisComputer: 'このコンピューター上のアプリ',
    publishedBy: (host) => `公開元: ${host}`,
    publishedOnThisComputer: (host) => `このコンピューター上のアプリ（公開元: ${host}）`,
    returnsTo: (host) => `${host} のアプリ`,
    beforeSignIn: 'ここにあるあなたのアカウントを使おうとしています。サインインした後に内容を確認し、許可するかどうかを決められます。',
    asks: (person) => `${person} の代わりに操作しようとしています。求めている許可:`,
    asksYou: 'あなたの代わりに操作しようとしています。求めている許可:',
    useApi: (api) => `あなたの代わりに ${api} を利用する`,
    scope: (scope, api) => `${scope}（${api}）`,
    openid: '次に来たときにあなただと分かる',
    profile: 'あなたの名前、画像、ユーザー名を見る',
    email: 'あなたのメールアドレスを見る',
    unverifiedHost: (service, host) => `${service} は ${host} の運営者を確認していません。` +
      'ご自身で始めた場合で、このアドレスを信頼できるときにのみ許可してください。',
    unverifiedApp: (service) => `${service} は、このコンピューター上のどのアプリが求めているのかを確認できません。` +
      'たった今ご自身で始めた場合にのみ許可してください。',
    allow: '許可する',
    failed: 'これはもう許可できません',
    failedText: '10 分以上前または別のブラウザーで表示されたか、すでに回答済みか、アプリが変更されました。アプリに戻って最初からやり直してください。',
    foreignForm: 'このフォームは別のページから送られたため、何も行われませんでした。戻ってもう一度お試しください。'
  },
  logout: {
    title: 'サインアウトしますか？',
    asks: (app, host) => `${app} が、このブラウザーで ${host} からサインアウトすることを求めています。`,
    ask: (host) => `このブラウザーで ${host} からサインアウトします。`,
    signOut: 'サインアウト',
    done: 'サインアウトしました',
    failed: 'サインアウトしていません',
    failedText: '元のアプリに誤りがあります。このブラウザーからのサインアウトはここで行えます。'
  },
  device: {
    title: '端末を接続',
    code: '端末に表示されているコード',
    unknownCode: 'コードが正しくないか、有効期限が切れています。端末に表示されているコードをご確認ください。',
    shows: '端末に表示されているコード：',
    onlyIfYou: 'ご自身で始めた場合にのみ続けてください。',
    confirmTitle: (app) => `${app} にサインインしますか？`,
    confirm: 'このコードの端末が、次のアカウントでサインインします。',
    you: 'あなた',
    yes: 'はい、サインインする',
    no: 'いいえ',
    approved: '端末がサインインしました',
    denied: '端末はサインインしていません',
    tooLate: '最初からやり直してください',
    tooLateText: 'このコードは使用済みか、有効期限が切れているか、このブラウザーで入力されていません。',
    foreignForm: 'このフォームは別のページから送られたため、何も行いませんでした。',
    typeAgain: 'コードをもう一度入力する'
  },
  deletion: {
    title: 'データの削除',
    unknown: 'この削除は見つかりません',
    unknownText: 'アドレスが間違っているか、削除から 1 年以上経過しています。',
    deleted: 'そのアカウントについてこのサービスが保存していた情報は削除されました。',
    signed_out: 'サインアウトされ、このサービスがそのアカウントを利用するための情報は削除されました。' +
      'その他のデータはこのサービスの運営者が保管し、取り扱いを決めます。運営者にお問い合わせください。',
    nothing_stored: 'このサービスは、そのアカウントについて何も保存していませんでした。',
    requested: (provider, date) => `${provider} で依頼され、${date} に完了しました。`
  },
  problems: {
    title: 'エラーコード',
    all: 'すべてのエラーコード',
    status: 'HTTP ステータス'
  },
  account: {
    navigation: 'アカウントのページ',
    links: {
      '/account': 'プロフィール',
      '/account/sessions': 'サインイン中の場所',
      '/account/accounts': '連携アカウント',
      '/account/tokens': '個人用トークン',
      '/account/grants': 'アクセスできるアプリ',
      '/account/activity': 'アクティビティ',
      '/account/data': 'あなたのデータ',
      '/admin': 'ユーザー',
      '/admin/pages/clients': 'アプリ',
      '/admin/pages/events': 'イベント',
      '/admin/pages/keys': '鍵',
      '/admin/pages/webhooks': 'Webhook'
    },
    signOut: 'サインアウト',
    signedOut: 'サインアウトしました',
    signInAgain: 'もう一度サインイン',
    signInAgainWhy: 'この操作には、10分以内のサインインが必要です。もう一度サインインすると、ここに戻ります。',
    cancel: 'キャンセル',
    nextPage: 'さらに表示',
    toAccount: 'アカウントに戻る',
    toAdmin: '管理',
    didNotWork: 'うまくいきませんでした',
    notAdministrator: 'あなたは管理者ではありません',
    done: {
      grant: 'アプリのアクセスを取り消しました。',
      profile: '変更を保存しました。',
      session: 'セッションを終了しました。',
      sessions: 'ほかのすべてのセッションを終了しました。',
      linked: 'アカウントを連携しました。',
      unlinked: 'アカウントの連携を解除しました。',
      token: '個人用トークンは使えなくなりました。',
      user: 'ユーザーを変更しました。',
      userSignedOut: 'ユーザーをすべての場所からサインアウトしました。',
      userDeleted: 'ユーザーを削除しました。',
      client: 'アプリを保存しました。',
      clientDeleted: 'アプリを削除しました。',
      keys: '鍵を交換しました。',
      webhook: 'Webhookを保存しました。',
      webhookDeleted: 'Webhookを削除しました。',
      replayed: 'メッセージを再送します。'
    },
    problems: {
      validation_failed: 'フォームに正しくないところがあります。入力を確かめて、もう一度お試しください。',
      invalid_request: 'このフォームは別のページから送られたか、不完全です。戻って、もう一度お試しください。',
      invalid_state: 'この操作は、このブラウザーではもう続けられません。最初からやり直してください。',
      invalid_grant: '時間がかかりすぎました。最初からやり直してください。',
      access_denied: '許可されなかったため、何も変更していません。',
      provider_error: '相手のサイトが正しく応答しませんでした。あとでもう一度お試しください。',
      provider_timeout: '相手のサイトが時間内に応答しませんでした。あとでもう一度お試しください。',
      invalid_id_token: '相手のサイトが正しく応答しませんでした。あとでもう一度お試しください。',
      forbidden: 'これらのページは管理者用です。',
      email_not_allowed: 'このメールアドレスのアカウントは、ここでは使えません。',
      not_found: '存在しないか、もうありません。',
      account_taken: 'このアカウントは、すでに別のユーザーのものです。そのアカウントでサインインし、先に連携を解除してください。',
      last_account: 'これが唯一のアカウントです。なくなるとサインインできないため、先に別のアカウントを連携してください。',
      last_admin: 'これが唯一の管理者です。先に別のユーザーを管理者にしてください。',
      too_many_tokens: '個人用トークンが上限に達しています。先にどれかを取り消してください。',
      client_from_settings: 'このアプリはサービスの設定にあり、そこでのみ変更できます。',
      payload_too_large: '長すぎます。',
      rate_limited: '短い時間に回数が多すぎます。しばらく待って、もう一度お試しください。',
      service_unavailable: 'サービスは現在利用できません。しばらくしてからお試しください。',
      internal_error: 'こちらで問題が起きました。あとでもう一度お試しください。'
    },
    profile: {
      title: 'あなたのアカウント',
      hello: (name) => `こんにちは、${name}さん`,
      email: 'メール',
      roles: '役割',
      since: '登録日',
      lastSignIn: '最後のサインイン',
      id: 'あなたのID',
      edit: '名前と言語',
      name: '名前',
      locale: '言語',
      localeHint: 'en、ja、pt-BR のような記号で',
      save: '保存'
    },
    grants: {
      title: 'アクセスできるアプリ',
      what: 'これらのアプリには、あなたに代わって操作することを許可しています。',
      none: 'あなたに代わって操作することを許可したアプリはありません。',
      publisher: '公開元',
      api: '対象',
      may: 'できること',
      since: '許可した日時',
      end: 'アクセスを取り消す',
      endQuestion: (app: string) => `${app} のアクセスを取り消しますか？`,
      endWhat: 'このアプリはすべての場所でサインアウトされます。開始済みの処理は最長15分続くことがあります。' +
        '再び使うときは、改めて許可を求められます。'
    },
    sessions: {
      title: 'サインイン中の場所',
      none: 'ありません。',
      device: (browser, system) => `${system} の ${browser}`,
      unknownDevice: '不明な端末',
      personalToken: (name) => `個人用トークン「${name}」`,
      thisBrowser: 'このブラウザー',
      address: 'IPアドレス',
      app: 'アプリ',
      by: 'サインイン方法',
      since: '開始',
      lastUsed: '最後の使用',
      until: '遅くともこの日時に終了',
      end: 'そこからサインアウト',
      endOthers: 'ほかのすべてからサインアウト',
      endOthersQuestion: 'ほかのすべてからサインアウトしますか？',
      endOthersWhat: 'ほかのすべての端末とアプリで、もう一度サインインが必要になります。個人用トークンも使えなくなります。'
    },
    accounts: {
      title: '連携アカウント',
      what: 'どのアカウントでもサインインできます。',
      name: 'そこでの名前',
      email: 'そこでのメール',
      since: '連携した日時',
      lastSignIn: '最後のサインイン',
      unlink: '連携を解除',
      unlinkQuestion: (provider, name) => `${provider}（${name}）の連携を解除しますか？`,
      unlinkWhat: 'このアカウントではサインインできなくなり、これでサインインした場所からはサインアウトします。',
      linkAnother: '別のアカウントを連携',
      where: 'どこのアカウントですか？',
      link: '連携する',
      linkTitle: (provider) => `${provider}のアカウントを連携`,
      linkWhat: (provider) => `次に${provider}でサインインし、そのあとここに戻ります。必ずご自身のアカウントを使ってください。` +
        'そのアカウントを持つ人は、ここにあなたとしてサインインできます。',
      goOn: (provider) => `${provider}で続ける`
    },
    tokens: {
      title: '個人用トークン',
      what: '個人用トークンがあれば、あなたのスクリプトやプログラムが、サインインなしであなたとして動作できます。',
      none: 'ありません。',
      create: '個人用トークンを作成',
      created: (name) => `個人用トークン「${name}」`,
      createdWhat: '今コピーしてください。二度と表示されません。これを持つ人は、あなたとして動作できます。',
      token: '個人用トークン',
      use: 'プログラムは、次のようにアクセストークンと交換します:',
      back: 'コピーしました',
      name: '名前',
      nameHint: '用途。例: バックアップ',
      days: '終了までの日数',
      daysHint: '1から365まで',
      mayRead: 'さらに読み取れるもの',
      scopes: { openid: 'あなたが誰か', profile: '名前と写真', email: 'メールアドレス' },
      scope: '読み取れるもの',
      resource: '対象',
      since: '作成',
      lastUsed: '最後の使用',
      never: 'なし',
      until: '終了',
      end: '取り消す',
      endQuestion: (name) => `「${name}」を取り消しますか？`,
      endWhat: 'これを使っているものは、すぐに動かなくなります。'
    },
    activity: {
      title: 'アクティビティ',
      none: 'まだありません。',
      time: '日時',
      at: '方法',
      device: '端末',
      address: 'IPアドレス',
      events: {
        'login.succeeded': 'サインインしました',
        'login.failed': 'サインインに失敗しました',
        'account.linked': 'アカウントを連携しました',
        'account.unlinked': 'アカウントの連携を解除しました',
        'provider.event': '連携アカウントが元のサイトで変更されました',
        'personal_token.created': '個人用トークンを作成しました',
        'token.reuse_detected': 'コピーされたおそれがあるため、セッションを終了しました',
        'token.reused_in_window': 'セッションが同時に二つの場所で使われました',
        'session.revoked': 'サインアウトしました',
        'consent.granted': 'アプリにアクセスを許可しました',
        'consent.revoked': 'アプリのアクセスを取り消しました',
        'user.created': 'アカウントを作成しました',
        'user.updated': 'プロフィールを変更しました',
        'user.deleted': 'ユーザーを削除しました',
        'user.disabled': '管理者がアカウントを無効にしました',
        'user.enabled': '管理者がアカウントを有効にしました',
        'user.roles_changed': '役割を変更しました'
      }
    },
    data: {
      title: 'あなたのデータ',
      exportTitle: 'すべてのデータのコピー',
      exportWhat: 'あなたについて保存されているすべてを、ほかのプログラムで読めるファイルで受け取れます。',
      export: 'ダウンロード',
      deleteTitle: 'アカウントの削除',
      deleteWhat: 'あなたについて保存されているすべてを削除し、すべての場所からサインアウトします。元に戻せません。',
      delete: 'アカウントを削除…',
      deleteQuestion: 'アカウントを削除しますか？',
      deleteFinally: '完全に削除する',
      deleted: 'アカウントを削除しました',
      deletedWhat: 'このページを閉じてかまいません。'
    }
  },
  admin: {
    any: 'すべて',
    search: '検索',
    none: '何もありません。',
    save: '保存',
    secret: 'シークレット',
    secretTitle: '新しいシークレット',
    secretWhat: '今コピーしてください。二度と表示されません。',
    secretBack: 'コピーしました',
    users: {
      title: 'ユーザー',
      query: '名前またはメール',
      queryHint: '語の先頭の文字',
      status: '状態',
      active: '有効',
      disabled: '無効',
      provider: 'サインイン方法',
      email: 'メール',
      roles: '役割',
      rolesHint: '1行に一つ。管理者の役割は admin です。',
      metadata: 'メタデータ',
      metadataHint: '独自のJSONオブジェクト。前のものを置き換えます。',
      accounts: '連携アカウント',
      since: '登録',
      lastSignIn: '最後のサインイン',
      id: 'ID',
      events: 'このユーザーのイベント',
      enable: '有効にする',
      disable: '無効にする',
      signOut: 'すべてからサインアウト',
      delete: '削除',
      confirm: {
        disable: {
          question: (name) => `${name}さんを無効にしますか？`,
          what: 'すべての場所からサインアウトし、管理者が有効にするまでサインインできません。',
          label: '無効にする'
        },
        logout: {
          question: (name) => `${name}さんをすべての場所からサインアウトしますか？`,
          what: 'すべての端末とアプリで、もう一度サインインが必要になります。個人用トークンも使えなくなります。',
          label: 'すべてからサインアウト'
        },
        delete: {
          question: (name) => `${name}さんを削除しますか？`,
          what: 'このユーザーについて保存されているすべてを削除します。元に戻せません。',
          label: '完全に削除する'
        }
      }
    },
    clients: {
      title: 'アプリ',
      create: 'アプリを登録',
      id: 'クライアントID',
      name: '名前',
      type: '種類',
      types: { public: '公開: ブラウザーや端末で動く', confidential: '機密: シークレットを守れる' },
      since: '登録',
      fromSettings: '設定にあります',
      fromSettingsWhat: 'このアプリは設定 CLIENTS にあり、そこでのみ変更できます。',
      redirectUris: 'リダイレクトURI',
      postLogoutRedirectUris: 'サインアウト後のリダイレクトURI',
      onePerLine: '1行に一つ',
      more: 'その他の設定',
      moreHint: '{"requirePkce": true} のようなJSONオブジェクト。書かないものは変わりません。',
      newSecret: '新しいシークレット',
      delete: '削除',
      confirm: {
        secret: {
          question: (name) => `${name}の新しいシークレットを作りますか？`,
          what: '前のシークレットと、アプリが自身のために得たトークンは、すぐに使えなくなります。',
          label: '新しいシークレットを作る'
        },
        delete: {
          question: (name) => `${name}を削除しますか？`,
          what: '誰もこのアプリにサインインできなくなります。元に戻せません。',
          label: '完全に削除する'
        }
      }
    },
    events: {
      title: 'イベント',
      type: '種類',
      typeHint: '例: login.succeeded',
      userId: 'ユーザーのID',
      from: '開始',
      to: '終了（この日は含まない）',
      dayHint: '2026-01-31 のような日付（UTC）',
      time: '日時',
      user: 'ユーザー',
      actor: '実行者',
      client: 'アプリ',
      provider: '方法',
      address: 'アドレス',
      device: '端末',
      request: 'リクエスト',
      details: '詳細'
    },
    keys: {
      title: '署名鍵',
      what: 'トークンに署名する鍵です。時々自動で交換されます。',
      status: '状態',
      statuses: { next: '次: 公開済み、これから署名', current: '現在: 署名中', retired: '使用終了: まだ検証に使用' },
      algorithm: '方式',
      since: '作成',
      activated: '署名の開始',
      retired: '使用終了',
      rotate: '今すぐ交換',
      rotateQuestion: '署名鍵を今すぐ交換しますか？',
      rotateWhat: 'これからは次の鍵が署名します。前の鍵は、最後のトークンが切れるまで検証に使われます。'
    },
    webhooks: {
      title: 'Webhook',
      what: 'ユーザーに何かが起きると、それぞれのアドレスに署名付きのメッセージを送ります。',
      create: 'Webhookを追加',
      one: 'Webhook',
      url: 'アドレス',
      urlHint: 'https:// で始まるもの',
      types: 'イベント',
      state: '状態',
      on: 'オン',
      off: 'オフ',
      since: '開始',
      newSecret: '新しいシークレット',
      delete: '削除',
      test: 'テストを送信',
      tested: 'テストを送信しました',
      notArrived: 'テストは届きませんでした',
      answer: '応答',
      back: 'Webhookに戻る',
      replayTitle: '再送',
      sinceHint: 'この日時からのすべてのメッセージ。例: 2026-01-31、2026-01-31T09:30:00Z',
      replay: '再送する',
      deliveries: 'メッセージ',
      statuses: { pending: '待機中', delivered: '配信済み', failed: '失敗' },
      time: '日時',
      user: 'ユーザー',
      attempts: '試行回数',
      confirm: {
        secret: {
          question: 'このWebhookの新しいシークレットを作りますか？',
          what: '24時間は、前のシークレットでも署名します。',
          label: '新しいシークレットを作る'
        },
        delete: {
          question: 'このWebhookを削除しますか？',
          what: '待機中のメッセージも削除します。元に戻せません。',
          label: '完全に削除する'
        }
      }
    }
  }
}
