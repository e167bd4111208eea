import type { Source } from './source.ts'
import { auth0 } from './sources/auth0.ts'
import { authjs } from './sources/authjs.ts'
import { betterAuth } from './sources/better-auth.ts'
import { clerk } from './sources/clerk.ts'
import { firebase } from './sources/firebase.ts'
import { openauth } from './sources/openauth.ts'
import { supabase } from './sources/supabase.ts'

/** To add one, write a file for it and add it here and in docs/migrate.md. */
export const SOURCES: readonly Source[] = [authjs, betterAuth, supabase, firebase, auth0, clerk, openauth]
