/** What providers answer, in the shapes that they document, and what is made of it. */

export const BASIC = `Basic ${Buffer.from('the-id:the-secret').toString('base64')}`
/** Beside the redirect URI. */
const EXCHANGE = { grant_type: 'authorization_code', code: 'the-code' }
const PKCE = { code_verifier: 'the-verifier' }
const POSTED = { client_id: 'the-id', client_secret: 'the-secret' }
export const TOKENS = {
  access_token: 'the-access-token',
  token_type: 'bearer',
  expires_in: 7199,
  refresh_token: 'the-refresh-token'
}

export interface Shape {
  name: string
  urls: { authorize: string, token: string, api: string }
  /** The query of the authorization request; `undefined` is what must not be in it. */
  authorize: Record<string, unknown>
  exchange: { headers: object, body: object }
  tokens: object
  /** By path, in the order of the calls. */
  answers: Record<string, object>
  profile: object
}

export const SHAPES = {
  bitbucket: {
    name: 'Bitbucket',
    urls: { authorize: '/site/oauth2/authorize', token: '/site/oauth2/access_token', api: '/2.0' },
    authorize: { scope: 'account email', code_challenge_method: 'S256' },
    exchange: { headers: { authorization: BASIC }, body: { ...EXCHANGE, ...PKCE } },
    tokens: { ...TOKENS, scopes: 'account email', state: 'authorization_code' },
    answers: {
      '/2.0/user': {
        type: 'user',
        uuid: '{a54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}',
        account_id: '557058:c2f5a1c8-4c8b-4f2b-9a1a-1d8f4b5d7e11',
        username: 'evzijst',
        nickname: 'evzijst',
        display_name: 'Erik van Zijst',
        account_status: 'active',
        created_on: '2008-07-12T21:10:32.000000+00:00',
        is_staff: false,
        links: {
          avatar: { href: 'https://avatar-management.example/evzijst/128' },
          self: { href: 'https://api.bitbucket.org/2.0/users/x' }
        }
      },
      '/2.0/user/emails': {
        values: [
          { type: 'email', email: 'other@example.com', is_primary: false, is_confirmed: true },
          { type: 'email', email: 'Erik@Example.com', is_primary: true, is_confirmed: true }
        ],
        page: 1,
        pagelen: 100,
        size: 2
      }
    },
    profile: {
      subject: '{a54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}',
      username: 'evzijst',
      email: 'erik@example.com',
      name: 'Erik van Zijst',
      avatarUrl: 'https://avatar-management.example/evzijst/128',
      scope: 'account email'
    }
  },
  reddit: {
    name: 'Reddit',
    urls: { authorize: '/api/v1/authorize', token: '/api/v1/access_token', api: '/api/v1' },
    authorize: { scope: 'identity', duration: 'permanent' },
    exchange: { headers: { authorization: BASIC, 'user-agent': 'web:the-id:signet' }, body: { ...EXCHANGE, ...PKCE } },
    tokens: { ...TOKENS, scope: 'identity' },
    answers: {
      '/api/v1/me': {
        id: '14jblb',
        name: 'yongtiger',
        icon_img: 'https://styles.redditmedia.com/t5_x/styles/profileIcon.png?width=256&height=256&s=abc',
        has_verified_email: true,
        verified: true,
        oauth_client_id: 'the-id',
        created_utc: 1484697189.0,
        link_karma: 1,
        subreddit: { title: '', display_name_prefixed: 'u/yongtiger' }
      }
    },
    profile: {
      subject: '14jblb',
      username: 'yongtiger',
      email: null,
      name: 'yongtiger',
      avatarUrl: 'https://styles.redditmedia.com/t5_x/styles/profileIcon.png?width=256&height=256&s=abc',
      scope: 'identity'
    }
  },
  line: {
    name: 'LINE',
    urls: { authorize: '/oauth2/v2.1/authorize', token: '/oauth2/v2.1/token', api: '/v2' },
    authorize: { scope: 'openid profile email', nonce: 'the-nonce', code_challenge_method: 'S256' },
    exchange: { headers: { authorization: undefined }, body: { ...EXCHANGE, ...PKCE, ...POSTED } },
    // LINE leaves `email` out of the scope, whether or not it was granted.
    tokens: { ...TOKENS, scope: 'profile openid', id_token: 'eyJhbGciOiJIUzI1NiJ9.e30.x' },
    answers: {
      '/v2/profile': {
        userId: 'U4af4980629',
        displayName: 'Brown',
        pictureUrl: 'https://profile.line-scdn.net/abcdefghijklmn',
        statusMessage: 'Hello, LINE!'
      },
      '/oauth2/v2.1/verify': {
        iss: 'https://access.line.me',
        sub: 'U4af4980629',
        aud: 'the-id',
        exp: 1504169092,
        iat: 1504263657,
        nonce: 'the-nonce',
        amr: ['pwd'],
        name: 'Brown',
        picture: 'https://profile.line-scdn.net/abcdefghijklmn',
        email: 'taro.line@example.com'
      }
    },
    profile: {
      subject: 'U4af4980629',
      username: null,
      email: 'taro.line@example.com',
      name: 'Brown',
      avatarUrl: 'https://profile.line-scdn.net/abcdefghijklmn',
      scope: 'profile openid'
    }
  },
  kakao: {
    name: 'Kakao',
    urls: { authorize: '/oauth/authorize', token: '/oauth/token', api: '/v2' },
    authorize: { scope: undefined },
    exchange: { headers: { authorization: undefined }, body: { ...EXCHANGE, ...PKCE, ...POSTED } },
    tokens: { ...TOKENS, refresh_token_expires_in: 5184000, scope: 'account_email profile_image profile_nickname' },
    answers: {
      '/v2/user/me': {
        id: 1376016924429759,
        connected_at: '2022-04-11T01:45:28Z',
        properties: { nickname: 'Hong' },
        kakao_account: {
          profile_nickname_needs_agreement: false,
          profile: {
            nickname: 'Hong Gildong',
            thumbnail_image_url: 'https://k.kakaocdn.net/110x110.jpg',
            profile_image_url: 'https://k.kakaocdn.net/640x640.jpg',
            is_default_image: false
          },
          email_needs_agreement: false,
          is_email_valid: true,
          is_email_verified: true,
          email: 'sample@sample.com'
        }
      }
    },
    profile: {
      subject: '1376016924429759',
      username: null,
      email: 'sample@sample.com',
      name: 'Hong Gildong',
      avatarUrl: 'https://k.kakaocdn.net/640x640.jpg',
      scope: 'account_email profile_image profile_nickname'
    }
  },
  notion: {
    name: 'Notion',
    urls: { authorize: '/v1/oauth/authorize', token: '/v1/oauth/token', api: '/v1' },
    authorize: { owner: 'user', scope: undefined, code_challenge: undefined, code_challenge_method: undefined },
    exchange: { headers: { authorization: BASIC, 'content-type': 'application/json' }, body: EXCHANGE },
    tokens: {
      access_token: 'the-access-token',
      token_type: 'bearer',
      refresh_token: 'the-refresh-token',
      bot_id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
      workspace_icon: null,
      workspace_name: 'Acme',
      workspace_id: '5c90c3cc-0d44-4b50-8888-8dd25736052a',
      owner: {
        type: 'user',
        user: {
          object: 'user',
          id: '5389a034-eb5c-47b5-8a9e-f79c99ef166c',
          name: 'Christine Makenotion',
          avatar_url: 'https://s3.us-west-2.amazonaws.com/public.notion-static.com/x.png',
          type: 'person',
          person: { email: 'christine@makenotion.example' }
        }
      },
      duplicated_template_id: null,
      request_id: '8d8a92e4-50a8-4b5b-a9b1-4a8a5b5d2f0e'
    },
    answers: {},
    profile: {
      subject: '5389a034-eb5c-47b5-8a9e-f79c99ef166c',
      username: null,
      email: 'christine@makenotion.example',
      name: 'Christine Makenotion',
      avatarUrl: 'https://s3.us-west-2.amazonaws.com/public.notion-static.com/x.png',
      scope: ''
    }
  },
  figma: {
    name: 'Figma',
    urls: { authorize: '/oauth', token: '/v1/oauth/token', api: '/v1' },
    authorize: { scope: 'current_user:read', code_challenge_method: 'S256' },
    exchange: { headers: { authorization: BASIC }, body: { ...EXCHANGE, ...PKCE } },
    tokens: { ...TOKENS, user_id_string: '1234567890123456789' },
    answers: {
      '/v1/me': {
        id: '1234567890123456789',
        email: 'johndoe@example.com',
        handle: 'John Doe',
        img_url: 'https://www.figma.com/api/users/x.png'
      }
    },
    profile: {
      subject: '1234567890123456789',
      username: 'John Doe',
      email: 'johndoe@example.com',
      name: 'John Doe',
      avatarUrl: 'https://www.figma.com/api/users/x.png',
      scope: 'current_user:read'
    }
  },
  zoom: {
    name: 'Zoom',
    urls: { authorize: '/oauth/authorize', token: '/oauth/token', api: '/v2' },
    authorize: { scope: undefined, code_challenge_method: 'S256' },
    exchange: { headers: { authorization: BASIC }, body: { ...EXCHANGE, ...PKCE } },
    tokens: { ...TOKENS, scope: 'user:read:user', api_url: 'https://api.zoom.us' },
    answers: {
      '/v2/users/me': {
        id: 'zJKyaiAyTNC-MWjiWC18KQ',
        account_id: 'q6gBJVO5TzexKYTb_I2rpg',
        first_name: 'Jill',
        last_name: 'Chill',
        display_name: 'Jill Chill',
        email: 'jchill@example.com',
        verified: 1,
        login_types: [100],
        pic_url: 'https://us04web.zoom.us/p/x/photo.jpg',
        language: 'en-US',
        status: 'active'
      }
    },
    profile: {
      subject: 'zJKyaiAyTNC-MWjiWC18KQ',
      username: null,
      email: 'jchill@example.com',
      name: 'Jill Chill',
      avatarUrl: 'https://us04web.zoom.us/p/x/photo.jpg',
      locale: 'en-US',
      scope: 'user:read:user'
    }
  },
  forum: {
    name: 'Forum',
    urls: { authorize: '/authorize', token: '/token', api: '/api/me' },
    authorize: { scope: undefined, code_challenge_method: 'S256' },
    exchange: { headers: { authorization: undefined }, body: { ...EXCHANGE, ...PKCE, ...POSTED } },
    tokens: TOKENS,
    answers: {
      '/api/me': {
        id: 42,
        email: 'jane@example.com',
        email_verified: true,
        name: 'Jane',
        username: 'jane',
        picture: 'https://forum.example/jane.png'
      }
    },
    profile: {
      subject: '42',
      username: 'jane',
      email: 'jane@example.com',
      name: 'Jane',
      avatarUrl: 'https://forum.example/jane.png',
      scope: ''
    }
  }
} satisfies Record<string, Shape>
