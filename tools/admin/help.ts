/** The commands of `npm run admin`, and what they take. */
export const ADMIN_HELP = `  grant <email>                 make the user with this email an administrator
  revoke <email>                take the role away
  list                          the administrators
  users list [--query <text>]   the users, newest first; the text is in the name or email
  disable <email>               end all sessions, and refuse further sign-ins
  enable <email>
  keys rotate                   start signing with the next key
  clients add --name <name> --redirect-uri <uri> [--redirect-uri <uri> ...] [--id <client_id>]
              [--post-logout-redirect-uri <uri> ...] [--confidential] [--json <members>]
                                --json has further members of CLIENTS: '{"grant_types":["client_credentials"]}'
  clients list                  those of the CLIENTS setting, too
  clients remove <client_id>

The settings are those of the environment and of .env.`
