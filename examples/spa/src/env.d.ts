interface ImportMetaEnv { readonly VITE_SIGNET_URL?: string, readonly VITE_NOTES_URL?: string }
