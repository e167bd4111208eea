interface ImportMetaEnv { readonly VITE_SIGNET_URL?: string }
