/** An entry of https://docs.github.com/en/rest/users/emails */
export interface GitHubEmail {
  email: string
  primary: boolean
  verified: boolean
  visibility: 'public' | 'private' | null
}

/**
 * A person at GitHub: any member of the profile and, apart, the list of emails. Members that are left out are made up;
 * a member given as `undefined` is left out of the answer. Any value will do, also one that GitHub would never send.
 */
export interface GitHubPerson {
  /** A number. Octocat's is 583231. */
  id?: unknown
  login?: unknown
  name?: unknown
  /** The address shown on the profile: often null, never a proof of anything. */
  email?: unknown
  avatar_url?: unknown
  /**
   * The answer of `/user/emails`, a list of GitHubEmail; when left out, one primary and verified address, `email` or
   * `<login>@example.com`.
   */
  emails?: unknown
  /** Anything else that the profile should hold, such as a hostile `role`. */
  [member: string]: unknown
}

/** A profile of https://docs.github.com/en/rest/users/users#get-the-authenticated-user, shortened. */
export function completeProfile ({ emails, ...person }: GitHubPerson): Record<string, unknown> {
  const login = loginOf(person)
  return {
    login,
    id: 583231,
    node_id: 'MDQ6VXNlcjU4MzIzMQ==',
    avatar_url: 'https://avatars.githubusercontent.com/u/583231?v=4',
    gravatar_id: '',
    url: `https://api.github.com/users/${login}`,
    html_url: `https://github.com/${login}`,
    type: 'User',
    user_view_type: 'public',
    site_admin: false,
    name: 'The Octocat',
    company: '@github',
    blog: '',
    location: 'San Francisco',
    email: null,
    hireable: null,
    bio: null,
    public_repos: 8,
    followers: 20,
    following: 0,
    created_at: '2011-01-25T18:44:36Z',
    updated_at: '2026-01-14T04:33:35Z',
    ...person
  }
}

export function defaultEmails (person: GitHubPerson): GitHubEmail[] {
  const email = typeof person.email === 'string' ? person.email : `${loginOf(person)}@example.com`
  return [{ email, primary: true, verified: true, visibility: person.email ? 'public' : 'private' }]
}

function loginOf (person: GitHubPerson): string {
  return typeof person.login === 'string' ? person.login : 'octocat'
}
